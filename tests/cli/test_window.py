"""The time asked for, and which objects can hold lines of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.window import Window, arrival, moment

NOW = datetime(2026, 11, 28, 10, 30, tzinfo=timezone.utc)


def at(hour):
    """A moment of that day."""
    return datetime(2026, 11, 28, tzinfo=timezone.utc) + timedelta(hours=hour)


def test_arrival_of_keys():
    """The object's own time stamp, else the hour or day of its path, else nothing."""
    stamp = "logs-1-2026-11-28-10-02-03-01234567-89ab-cdef-0123-456789abcdef.gz"
    moment_of = datetime(2026, 11, 28, 10, 2, 3, tzinfo=timezone.utc)

    assert arrival(f"firehose/2026/11/28/10/{stamp}") == (moment_of, moment_of)
    assert arrival("a/2026/11/28/10/x") == (at(10), at(11))
    assert arrival("2026/11/28/x") == (at(0), at(24))
    assert arrival("a/2026/13/40/x") == (None, None)
    assert arrival("x") == (None, None)


def test_window_is_widened_by_the_interval():
    """A line of 10:00 may be in an object that was opened fifteen minutes earlier."""
    window = Window(at(10), at(11))

    assert not window.holds(at(9.7), at(9.7))
    assert window.holds(at(9.8), at(9.8))
    assert window.holds(at(11.2), at(11.2))
    assert not window.holds(at(11.3), at(11.3))
    assert window.holds(None, None)
    assert list(window.hours(NOW)) == [at(9), at(10), at(11)]
    assert Window(None, at(1)).hours(NOW) is None


def test_moments():
    """Ago, dates and moments; everything else is told."""
    assert moment("90m", NOW) == at(9)
    assert moment("2026-11-28", NOW) == at(0)
    assert moment("2026-11-28T10:00:00+02:00", NOW) == at(8)
    with pytest.raises(CommandError, match="how long ago"):
        moment("yesterday", NOW)
