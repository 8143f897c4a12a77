"""Lines for people: by invocation, one below the other."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from firehose_logging._cli.story import COLUMNS, Printer, clock, event, visible


def line(second, **more):
    """A line as the lake gives it."""
    given = dict.fromkeys(COLUMNS)
    at = datetime(2026, 1, 2, 3, 4, second, 5000, tzinfo=timezone.utc)
    return {**given, "timestamp": at, "type": "function", "level": "INFO", **more}


def test_by_invocation(capsys):
    """Each invocation has a heading and its lines in their order, however they came."""
    printer = Printer()
    printer.show(
        [
            line(2, requestId="r-1", message="two", seq=2, functionName="shop", coldStart=True),
            line(3, requestId="r-2", message="other", logger="app"),
            line(1, requestId="r-1", message="one", seq=1, functionName="shop"),
        ]
    )
    printer.show([line(4, requestId="r-2", message="more"), line(5, message="nobody's")])

    out = capsys.readouterr().out
    assert out.index("r-1  shop  cold start") < out.index("one") < out.index("two")
    assert out.count("r-2") == 1
    assert "03:04:03.005 INFO     app other" in out
    assert "outside of any invocation" in out


def test_an_error_is_told_below_its_line(capsys):
    """Frames, the error's type and its place follow the message, indented."""
    Printer().show(
        [
            line(
                1,
                message="a\nb",
                level="ERROR",
                errorType="KeyError",
                location="app.py:3",
                stackTrace=["frame one\n", "frame two"],
            )
        ]
    )

    out = capsys.readouterr().out
    assert "a\n      b\n      frame one\n      frame two\n      KeyError at app.py:3" in out


@pytest.mark.parametrize(
    ("message", "told"),
    [("no price", "KeyError: 'items'\n"), ("KeyError: 'items'", "KeyError\n")],
)
def test_an_error_says_why_once(capsys, message, told):
    """Its own words, where the message has not said them; no place where none is known."""
    Printer().show(
        [line(1, message=message, errorType="KeyError", errorMessage="'items'", stackTrace=["f"])]
    )

    assert capsys.readouterr().out.endswith(f"      {told}")


def test_events_of_the_platform(capsys):
    """A platform event shows what people look for in it."""
    record = {"status": "success", "metrics": {"durationMs": 1.5, "note": "x"}}
    Printer().show([line(1, type="platform.report", record=record)])

    assert "platform.report success, durationMs 1.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ('{"name": "ext", "state": "Ready"}', "ext, Ready"),
        ("RequestId: r Process exited", "RequestId: r Process exited"),
        (None, "None"),
        ("3", "3"),
        ({"other": 1}, '{"other": 1}'),
        ({"metrics": None}, '{"metrics": null}'),
    ],
)
def test_what_is_shown_of_an_event(record, shown):
    """As text or as an object; what has none of the known parts is shown whole."""
    assert event(record) == shown


def test_small_parts():
    """A line without a time keeps its place; control characters move nothing."""
    assert clock(None) == " " * 12
    assert visible("a\x1bb\tc") == "a\ufffdb\tc"
