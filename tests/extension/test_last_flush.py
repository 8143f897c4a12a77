from __future__ import annotations

import sys

import pytest

from firehose_logging._extension.last_flush import (
    DIVERT_AFTER,
    QUIET,
    VERDICT_LIMIT,
    LastFlush,
)
from firehose_logging._limits import SHUTDOWN_LIMIT
from firehose_logging._switch_interval import SHORT_INTERVAL, SwitchInterval
from support.deliveries import ScriptedDeliveries


class End:
    """A last flush, what it flushes, and how often the process was to end."""

    def __init__(self) -> None:
        self.deliveries = ScriptedDeliveries()
        self.ended = 0
        self.flush = LastFlush(self.deliveries, SwitchInterval(), self.terminate)

    def terminate(self) -> None:
        self.ended += 1


@pytest.fixture
def end():
    """One, with the interpreter's switch interval given back at the end."""
    before = sys.getswitchinterval()
    yield End()
    sys.setswitchinterval(before)


def test_nothing_happens_before_sigterm(end):
    """Without SIGTERM there is nothing to wait for and nobody ends."""
    end.flush.tick(100.0)

    assert (end.flush.began, end.flush.wakes_at(100.0), end.ended) == (False, None, 0)


def test_ends_when_all_is_delivered_and_all_is_quiet(end):
    """The process ends once everything is delivered and no more telemetry comes."""
    end.deliveries.pending = 99.0
    end.flush.prepare()
    end.flush.begin(100.0)
    assert end.deliveries.requests == [True]  # urgent

    end.flush.tick(100.01)
    end.flush.news(100.02)
    end.deliveries.deliver()
    end.flush.tick(100.03)
    assert end.ended == 0
    assert end.flush.wakes_at(100.03) == 100.03 + QUIET
    end.flush.tick(100.02 + QUIET)
    assert end.ended == 1


def test_the_platforms_verdict_is_waited_for(end):
    """After a time-out it comes late where the machine is busy; then it is as quiet as ever."""
    end.flush.begin(100.0, awaits_verdict=True)
    end.flush.tick(100.0 + 3 * QUIET)
    assert end.ended == 0

    end.flush.news(100.0 + 4 * QUIET)
    end.flush.verdict()
    end.flush.tick(100.0 + 4 * QUIET)
    assert end.ended == 0
    end.flush.tick(100.0 + 5 * QUIET)
    assert end.ended == 1


def test_a_verdict_that_never_comes_is_not_waited_for_long(end):
    """SIGKILL would come first."""
    end.flush.begin(100.0, awaits_verdict=True)
    end.flush.tick(100.0 + VERDICT_LIMIT)

    assert end.ended == 1


def test_what_comes_meanwhile_is_flushed_too(end):
    """A line that comes after SIGTERM is asked for as well, urgently."""
    end.flush.begin(100.0)
    end.deliveries.pending = 100.01
    end.flush.tick(100.1)

    assert end.deliveries.requests == [True, True]
    assert end.ended == 0


def test_a_failing_stream_is_not_pressed(end):
    """While calls fail the back-off holds, and the limit ends the waiting."""
    end.deliveries.pending = 99.0
    end.flush.begin(100.0)
    end.deliveries.failing = True
    end.flush.tick(100.5)
    assert end.deliveries.requests == [True, False]
    assert end.ended == 0

    end.flush.tick(100.0 + SHUTDOWN_LIMIT)
    assert end.ended == 1


def test_what_is_still_pending_goes_the_other_way_out_in_time(end):
    """The flush has its time, and the platform has not killed the process yet; once an end."""
    end.deliveries.pending = 99.0
    end.flush.begin(100.0)
    end.flush.tick(100.0 + DIVERT_AFTER - 0.01)
    assert end.deliveries.diverted == 0
    end.flush.tick(100.0 + DIVERT_AFTER)
    end.deliveries.pending = None
    end.flush.tick(100.0 + DIVERT_AFTER + QUIET)
    assert end.deliveries.diverted == 1


def test_what_the_function_logs_after_that_goes_the_same_way(end):
    """It may log on until it is killed: soon, since a flush has been in vain by then."""
    end.deliveries.pending = 99.0
    end.flush.begin(100.0)
    end.flush.tick(100.0 + DIVERT_AFTER)
    end.deliveries.pending = late = 100.0 + DIVERT_AFTER + 0.01
    end.flush.tick(late + QUIET / 2)
    assert end.deliveries.diverted == 1
    end.flush.tick(late + QUIET)
    assert end.deliveries.diverted == 2


def test_late_lines_of_a_healthy_stream_have_their_time(end):
    """Where all before them was delivered, they are not written after a moment already."""
    end.flush.begin(100.0)
    end.flush.tick(100.0 + DIVERT_AFTER)
    end.deliveries.pending = late = 100.0 + DIVERT_AFTER + 0.01
    end.flush.tick(late + QUIET)
    assert end.deliveries.diverted == 0
    end.flush.tick(late + DIVERT_AFTER)
    assert end.deliveries.diverted == 1


def test_what_is_left_unread_of_earlier_processes_goes_out_too(end):
    """Nothing of our own is pending, but a journal has not been taken over yet."""
    end.deliveries.recovered = False
    end.flush.begin(100.0)
    end.flush.tick(100.0 + DIVERT_AFTER)

    assert end.deliveries.diverted == 1


def test_the_second_sigterm_of_a_process_that_lives_on(end):
    """Where somebody else handles SIGTERM, it is over after the limit and may come again."""
    end.flush.begin(100.0)
    end.flush.tick(100.0 + SHUTDOWN_LIMIT)

    assert (end.flush.began, end.flush.wakes_at(103.0)) == (False, None)
    end.flush.begin(200.0)
    end.flush.tick(200.0 + QUIET)
    assert end.ended == 2


def test_switches_are_short_until_all_is_delivered(end):
    """A function that computes gives way at once, and gets its own interval back."""
    before = sys.getswitchinterval()
    end.flush.prepare()
    assert sys.getswitchinterval() == pytest.approx(SHORT_INTERVAL)

    end.flush.begin(100.0)
    end.flush.tick(100.0 + QUIET)
    assert sys.getswitchinterval() == pytest.approx(before)
