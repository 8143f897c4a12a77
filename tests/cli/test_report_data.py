"""What the report shows: texts once, numbers of all, the newest lines."""

from __future__ import annotations

import json

import pytest

from firehose_logging._cli import report_data
from firehose_logging._cli.lake import Lake
from firehose_logging._cli.progress import Progress
from firehose_logging._cli.report_data import Texts
from firehose_logging._cli.sources import open_source
from firehose_logging._cli.window import Window


def test_texts():
    """Each text has one number; nothing is the empty text."""
    texts = Texts(["known"])

    assert [texts.number(each) for each in ("known", "new", None, "new", "")] == [0, 1, 2, 1, 2]
    assert texts.all == ["known", "new", ""]


def line(second, **more):
    """A line of the function "shop"."""
    return {
        "timestamp": f"2026-11-28T10:00:{second:02}.000000Z", "type": "function", "level": "INFO",
        "logger": "app", "functionName": "shop", "instanceId": "i", "seq": second, **more,
    }  # fmt: skip


LINES = [
    line(1, message="sold 3", requestId="r-1"),
    line(2, message="sold 4", requestId="r-1", level="ERROR", errorType="KeyError",
         errorMessage="k", stackTrace=["one", "two"], location="app.py:1"),
    line(3, type="platform.report", logger="platform", requestId="r-1",
         record={"requestId": "r-1", "status": "error", "metrics": {"durationMs": 12.3456}}),
    line(4, type="platform.start", logger="platform", requestId="r-1", record={"requestId": "r-1"}),
]  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    """A bucket with one object of these lines."""
    (tmp_path / "object").write_text("".join(json.dumps(each) + "\n" for each in LINES))
    progress = Progress("report", quiet=True)
    source = open_source(str(tmp_path))
    with Lake(source, Window(), progress) as lake:
        yield lake.open()


def test_summary_and_lines(lake):
    """All lines are counted, and each that is carried has its time, level, text and invocation."""
    summary, packed = report_data.collect(lake, 100, 100)

    assert (summary["lines"], summary["length"]) == (4, 3000)
    assert [packed["texts"][n] for n in packed["text"][:2]] == ["sold 3", "sold 4"]
    assert packed["time"] == [0, 1000, 2000, 3000]
    assert packed["stacks"] == {1: "one\ntwo\nKeyError"}
    assert summary["notes"] == []
    assert summary["messages"][0]["message"] == "sold #"
    (error,) = [each for each in summary["errors"] if each["type"] == "KeyError"]
    assert error["location"] == "app.py:1"


def test_what_is_left_out_is_told(lake):
    """Fewer lines or invocations than there are: a note says how many."""
    summary, packed = report_data.collect(lake, 1, 1)

    assert len(packed["time"]) == 1
    assert summary["lines"] == 4
    assert "The newest 1 of 4 lines" in summary["notes"][0]
