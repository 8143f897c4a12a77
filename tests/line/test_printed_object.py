"""Objects that libraries print, and what they call their columns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firehose_logging._line import printed_object as printed
from firehose_logging._line.schema import Schema


def members(text: str) -> dict[str, Any]:
    """The members of a printed line."""
    found = printed.read(text)
    assert found is not None
    return json.loads("{" + found.members(Schema())[1:] + "}")


@pytest.mark.parametrize(
    ("head", "is_one"),
    [({"CloudWatchMetrics": []}, True), ({"CloudWatchMetrics": {}}, False), (1, False)],
)
def test_embedded_metrics(head, is_one):
    """An object is metrics by its head, whatever else is in it."""
    assert printed.is_metrics({"_aws": head, "level": "INFO"}) is is_one


@pytest.mark.parametrize("text", ["{}", "{1}", "[" * 100_000, "[1]", "1"])
def test_no_object(text):
    """What is no object, or an empty one, is none."""
    assert printed.object_of(text) is None
    assert printed.read(text) is None
    assert printed.added(text, set()) == {}


def test_lines_of_loguru():
    """A serialized record of loguru has its level, logger and message, and what was bound to it."""
    record = {
        "level": {"name": "SUCCESS", "no": 25, "icon": "x"},
        "name": "shop",
        "message": "sold",
        "extra": {"order": 17},
        "line": 3,
        "exception": None,
    }
    text = json.dumps({"text": "12:00 | sold\n", "record": record})

    found = printed.read(text)

    assert found is not None
    assert (found.level, found.logger, found.message) == ("SUCCESS", "shop", "sold")
    assert members(text)["order"] == 17
    assert members(text)["extra"] == {"record": {"line": 3, "exception": None}}
    failed = json.dumps({"text": "Traceback", "record": {**record, "exception": {"type": "E"}}})
    assert members(failed)["text"] == "Traceback"
    for odd in ({"text": 1, "record": record}, {"text": "", "record": {**record, "extra": 1}}):
        assert "order" not in members(json.dumps(odd))
