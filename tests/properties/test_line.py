"""Whatever is logged or printed, under any settings of the line: one object that readers take."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firehose_logging import JsonFormatter
from firehose_logging._environment import Environment
from firehose_logging._line import line as _line
from firehose_logging._line import printed
from firehose_logging._line.context import Context
from firehose_logging._line.schema import Schema
from tools.strategies import records, texts

FIELDS = (("service", "shop"), ("region", None), ("accountId", None))


def parsed(body: str) -> dict[str, object]:
    """A finished line as a dict, no two names of which differ in case only."""
    data = _line.finish(body, 1)
    assert data.count(b"\n") == 1
    pairs = json.loads(data, object_pairs_hook=list)
    folded = [name.lower() for name, _ in pairs]
    assert len(set(folded)) == len(folded)
    return json.loads(data)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(records(), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_any_records(made, fixed, known):
    """Records one after the other through one formatter: valid lines, with every field."""
    context = Context(Environment({"AWS_REGION": "eu-west-1"}), fields=FIELDS, fixed=fixed)
    formatter = JsonFormatter()
    formatter.bind(context)
    if known:
        context.know_account("123456789012")

    for record in made:
        line = parsed(formatter.format(record)[:-1])

        assert (line["service"], line["region"]) == ("shop", "eu-west-1")
        assert line.get("accountId") == ("123456789012" if known else None)
        assert not fixed or isinstance(line["message"], str)
        assert not fixed or isinstance(line.get("extra", ""), str)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records())
def test_a_line_that_is_printed_comes_back(record):
    """The line of a record, printed, is read with the same level, logger and message."""
    text = _line.to_bytes(JsonFormatter().format(record)).decode()
    line = json.loads(text)

    found = printed.read(text)

    assert found is not None
    assert found.message == line["message"]
    assert found.logger == (line["logger"] or None)
    assert found.level is None or found.level.lower() == line["level"].strip().lower()


@given(texts, st.booleans())
@settings(deadline=None)
def test_any_printed_text(text, fixed):
    """Whatever is printed, alone or inside of an object: read or not, and what is read is valid."""
    for each in (text, json.dumps({text: text, "level": text, "message": [text]})):
        found = printed.read(each)
        if found is not None:
            parsed('{"logger":"stdout"' + found.members(Schema(fixed=fixed)))
