from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firehose_logging._line import printed
from firehose_logging._line.schema import Schema

METRICS = {
    "_aws": {
        "Timestamp": 1764072000000,
        "CloudWatchMetrics": [
            {"Namespace": "shop", "Dimensions": [["name"]], "Metrics": [{"Name": "level"}]}
        ],
    },
    "name": "till-1",
    "level": 7,
    "requestId": "r-1",
}

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
names = st.sampled_from(
    ("level", "Level", "message", "msg", "event", "logger", "name", "seq", "_aws", "extra", "a")
) | st.text(max_size=6)


def members(text: str, **options: Any) -> dict[str, Any]:
    """The members of a printed line."""
    found = printed.read(text)
    assert found is not None
    return json.loads("{" + found.members(Schema(**options))[1:] + "}")


@pytest.mark.parametrize(
    ("line", "level", "logger", "rest"),
    [
        (
            {"level": "WARNING", "message": "low", "logger": "shop", "left": 7},
            "WARNING",
            "shop",
            {"message": "low", "left": 7},
        ),
        (
            {"level": "info", "event": "sold", "sku": "a"},
            "INFO",
            None,
            {"message": "sold", "sku": "a"},
        ),
        ({"level": "warn", "msg": "low", "name": "root"}, "WARNING", "root", {"message": "low"}),
        ({"level": "exception", "msg": "x"}, "ERROR", None, {"message": "x"}),
        ({"level": 40, "msg": "x"}, "ERROR", None, {"message": "x"}),
        ({"level": "NOTICE 3", "msg": "x"}, "NOTICE 3", None, {"message": "x"}),
        ({"level": 7, "msg": "x"}, None, None, {"message": "x", "extra": {"level": 7}}),
        ({"level": True, "logger": 3}, None, None, {"extra": {"level": True, "logger": 3}}),
        ({"level": "", "a": 1}, None, None, {"a": 1, "extra": {"level": ""}}),
        ({"message": {"a": 1}, "msg": "m"}, None, None, {"message": {"a": 1}, "msg": "m"}),
        ({"message": None, "event": "e"}, None, None, {"message": None, "event": "e"}),
        ({"name": "amy", "age": 7}, None, None, {"name": "amy", "age": 7}),
        ({"name": "", "msg": "x"}, None, None, {"name": "", "message": "x"}),
        ({"logger": "a", "name": "b", "msg": "x"}, None, "a", {"name": "b", "message": "x"}),
        (
            {"timestamp": "t", "Seq": 1, "msg": "x"},
            None,
            None,
            {"message": "x", "extra": {"timestamp": "t", "Seq": 1}},
        ),
    ],
)
def test_columns_of_a_printed_line(line, level, logger, rest):
    """Level, message and logger become those columns, whatever they are called; the rest extras."""
    text = json.dumps(line)
    found = printed.read(f"{text}\n")

    assert found is not None
    assert (found.level, found.logger) == (level, logger)
    assert members(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "{",
        "{}",
        "{not json}",
        "[1]",
        "3",
        '{"a": 1',
        '{"a": 1} and more {}',
        "{" * 9 + "}" * 9,
    ],
)
def test_what_is_no_object_stays_text(text):
    """Whatever is not one JSON object with something in it is not read."""
    assert printed.read(text) is None
    assert printed.added(text, frozenset()) == {}


def test_deep_and_long_texts_stay_text():
    """A text that is too deep to be parsed, or too long to be parsed in passing, is no line."""
    assert printed.read('{"a":' * 100_000 + "1" + "}" * 100_000) is None
    assert printed.read(json.dumps({"a": "x" * printed.MAX_TEXT})) is None


def test_embedded_metrics_stay_whole():
    """Metrics and dimensions stand in columns of their own names, nothing of them is read."""
    found = printed.read(json.dumps(METRICS))

    assert found is not None
    assert (found.level, found.logger, found.has_message) == (None, None, False)
    assert members(json.dumps(METRICS)) == {
        "_aws": METRICS["_aws"],
        "name": "till-1",
        "extra": {"level": 7, "requestId": "r-1"},
    }
    assert members(json.dumps({**METRICS, "message": "hi"}))["message"] == "hi"


def test_fixed_schema():
    """With fixed columns the message is text and the rest JSON text in one column."""
    line = json.dumps({"level": "INFO", "message": {"a": 1}, "b": [2]})

    assert members(line, fixed=True) == {"message": '{"a":1}', "extra": '{"b":[2]}'}


def test_fields_of_a_setting():
    """A printed key with the name of a column that every line has goes under `extra`."""
    assert members('{"SERVICE": "x"}', fields=["service"]) == {"extra": {"SERVICE": "x"}}


def test_what_a_formatter_added():
    """Keys that the record does not have become columns, those that it has do not."""
    powertools = {
        "level": "INFO",
        "location": "handler:10",
        "message": "order taken",
        "timestamp": "2026-11-25 12:00:00,000+0000",
        "service": "shop",
        "Order": 17,
        "xray_trace_id": "1-a",
        "exception_name": "ValueError",
    }

    assert printed.added(json.dumps(powertools), {"order"}) == {
        "location": "handler:10",
        "service": "shop",
        "xray_trace_id": "1-a",
    }


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(names, plain, min_size=1, max_size=5))
def test_nothing_of_a_printed_line_is_lost(line):
    """Every value of a printed object is on the line, once; valid JSON, no name twice."""
    found = printed.read(json.dumps(line))

    assert found is not None
    text = "{" + found.members(Schema())[1:] + "}"
    pairs = json.loads(text, object_pairs_hook=list)
    folded = [name.lower() for name, _ in pairs]
    assert len(set(folded)) == len(folded)
    columns = json.loads(text)
    taken = (found.level is not None) + (found.logger is not None)
    assert len(columns) - ("extra" in columns) + len(columns.get("extra", {})) + taken == len(line)


@given(st.text(max_size=30) | st.text('{}[]":,1ea \\', max_size=20))
def test_any_text(text):
    """Whatever is printed is read or is not, and never raises."""
    found = printed.read(text)

    assert (found is None) == (not isinstance(_parsed(text), dict) or not _parsed(text))


def _parsed(text: str) -> object:
    try:
        return json.loads(text.strip())
    except ValueError:
        return None
