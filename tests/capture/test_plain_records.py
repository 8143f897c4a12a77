"""A plain record is put together at once: the same lines as of its parts."""

from __future__ import annotations

import copy
import json
import logging
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firehose_logging.formatter import JsonFormatter
from support.captured import Stage
from tools.strategies import records, texts


class OwnText(logging.LogRecord):
    """Makes its own message."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        return f"own {self.msg!r:.20}"


LEFT = st.fixed_dictionaries(
    {},
    optional={
        "message": st.one_of(texts, st.just(7)),
        "asctime": texts,
        "aws_request_id": texts,
        "tenant_id": st.none(),
        "taskName": texts,
        "executionArn": texts,
        "_logger": st.none(),
        "created": st.one_of(st.floats(), st.just("then"), st.just(-1.0)),
        "levelno": st.sampled_from((10, 20, 25)),
        "levelname": st.sampled_from(("INFO", "\x1b[32mNOTICE\x1b[0m")),
    },
)


def without_the_short_way(work):
    """What is made where no record is plain."""
    with mock.patch.object(JsonFormatter, "plain", return_value=None):
        return work()


@pytest.fixture(scope="module")
def stages():
    """With an invocation: of an open schema, of fixed columns, and of a durable function."""
    found = Stage(), Stage(), Stage()
    for stage, arn in zip(found, (None, None, "arn:1"), strict=True):
        stage.context.begin("r1", execution_arn=arn)
    found[1].context.change(fields=(("team", "a"),), fixed=True)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records(), LEFT, st.booleans(), st.sampled_from((None, None, OwnText)), st.integers(0, 2))
def test_a_plain_record_gives_what_its_parts_give(stages, record, left, is_plain, kind, number):
    """Whatever it says and whatever handlers have left on it: byte for byte, both ways in."""
    stage = stages[number]
    if is_plain:
        record.exc_info = record.exc_text = record.stack_info = None
        record.msg = record.msg if type(record.msg) is str else "%s"
        if number < 2:
            left = {name: left[name] for name in left if name != "executionArn"}
    elif kind is not None:
        record.__class__ = kind
    held = stage.loggers.begin(record)
    stage.loggers.open.clear()
    record.__dict__.update(left)

    def captured():
        return stage.records.bodies(held)

    def handled():
        return stage.records._taken(record, None)

    for made in (captured, handled):
        before = copy.copy(record.__dict__)
        expected = without_the_short_way(_of(made))
        for _ in range(2):  # names that are new have been learnt the second time
            assert _of(made)() == expected
        assert record.__dict__ == before


def _of(made):
    """Its lines without the time that it makes up for want of one, or what it raises."""

    def attempt():
        with mock.patch("time.time", return_value=1.5):
            try:
                return made()
            except Exception as error:  # the very same comes either way
                return type(error)

    return attempt


@pytest.mark.parametrize(
    "given_",
    [
        {"msg": "order %s for %s", "args": (1, "bob")},
        {"msg": "100%"},
        {"msg": "é\ud800", "customer": "c-42", "n": 3, "big": 2**70, "off": None},
        {"msg": "x" * 300_000, "n": 1},
        {"msg": "\0" * 1_100_000, "n": 1},
    ],
)
def test_usual_records_go_the_short_way(given_):
    """It is taken where a record is plain and its names are known, also by lines that are split."""
    stage = Stage()
    attributes = {key: value for key, value in given_.items() if key not in ("msg", "args")}

    def made(number):
        record = logging.LogRecord(
            "app", 20, "/var/task/app.py", number, given_["msg"], given_.get("args", ()), None
        )
        record.__dict__.update(attributes)
        record.created = 1_780_000_000.25
        return record

    record = made(1)
    expected = without_the_short_way(lambda: stage.records._taken(record, None))
    with mock.patch.object(JsonFormatter, "around", mock.Mock(side_effect=AssertionError)):
        assert stage.records._taken(made(2), None) == expected


@pytest.mark.parametrize("short_way", [True, False])
@pytest.mark.parametrize("gone", [["process"], ["taskName"], ["msecs", "thread"], ["processName"]])
@pytest.mark.parametrize("extras", [{}, {"shop": 7}, {"shop": 7, "order": 1}])
def test_attributes_that_a_filter_takes_away_hide_no_extra(gone, extras, short_way):
    """As those do who want no taskName in their JSON, and give the record columns of their own."""
    stage = Stage()
    record = logging.LogRecord("app", 20, "/var/task/app.py", 1, "text", (), None)
    for name in gone:
        record.__dict__.pop(name, None)
    record.__dict__.update(extras)

    def made():
        return stage.records._taken(record, None)

    for _ in range(2):  # names that are new have been learnt the second time
        (body,) = made() if short_way else without_the_short_way(made)
        line = json.loads(f"{body}}}")
        assert {name: line.get(name) for name in ("shop", "order") if name in extras} == extras


def test_a_record_from_before_the_invocation():
    """One that waited in a queue does not get the id of the invocation that came since."""
    stage = Stage()
    stage.context.begin("r1")
    for created in (1.5, 4e9):
        record = logging.LogRecord("app", 20, "app.py", 1, "hello", (), None)
        record.created = created
        stage.records.take(record)
        stage.records.take(record)

    assert [line.get("requestId") for line in stage.lines()] == [None, None, "r1", "r1"]


def test_a_patched_get_message_is_asked(monkeypatch):
    """Somebody who has every record masked is asked for the message, whatever the record."""
    stage = Stage()
    record = logging.LogRecord("app", 20, "app.py", 1, "secret", (), None)
    stage.records._taken(record, None)
    monkeypatch.setattr(logging.LogRecord, "getMessage", lambda _: "masked")

    (body,) = stage.records._taken(record, None)
    assert '"message":"masked"' in body
