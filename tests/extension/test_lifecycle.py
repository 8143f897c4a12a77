from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._extension.flush_policy import FlushPolicy
from firehose_logging._extension.lifecycle import (
    ASKED,
    BY_HOOK,
    BY_NOBODY,
    BY_TELEMETRY,
    DELIVER,
    DELIVER_SOON,
    EARLY_FLUSH,
    FLUSH,
    HOLD_LIMIT,
    HOLDING,
    LAST_MOMENT,
    MOVES,
    NEXT,
    RUNNING,
    STATES,
    STEPS,
    WAITING,
    IllegalMoveError,
    Lifecycle,
    move,
)


def lifecycle(mode: str = "end") -> Lifecycle:
    """One that decides by ``mode`` with an interval of 10 seconds."""
    return Lifecycle(FlushPolicy(mode, 10))


def test_end_of_an_invocation_flushes_then_asks():
    """After the response comes the flush, after the flush the next event, each once."""
    life = lifecycle()

    assert life.invoked("a", 103.0, None, 100.0) == []
    assert life.ended("a", 100.1, failing=False, now=100.2) == [FLUSH]
    assert life.state == HOLDING
    assert life.flushed() == [NEXT]
    assert life.flushed() == []
    assert life.ended("a", 100.1, failing=False, now=100.3) == []


def test_nothing_to_flush_asks_at_once():
    """Without pending lines the environment is not held."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0)

    assert life.ended("a", None, failing=False, now=100.2) == [NEXT]


def test_an_end_that_comes_first_holds_nobody_either():
    """A short invocation may have ended before its event is read; failing is failing then too."""
    life = lifecycle()

    assert life.ended("a", 100.1, failing=True, now=100.2) == []
    assert life.invoked("a", 103.0, 100.1, 100.3, failing=True) == [DELIVER, NEXT]
    assert life.state == WAITING


@pytest.mark.parametrize("mode", ["end", "periodic", "adaptive"])
@pytest.mark.parametrize("holding", [False, True])
def test_a_long_freeze_is_one_tick(mode, holding):
    """However many timers ran out meanwhile, a thaw is answered once, and then all is quiet."""
    life = lifecycle(mode)
    life.invoked("a", 903.0, None, 100.0)
    if holding:
        life.ended("a", 100.1, failing=False, now=100.2)
    actions = life.tick(100.1, 100_000.0)

    assert actions.count(NEXT) == (0 if holding and mode == "periodic" else 1)
    assert len(actions) <= 2
    assert life.wakes_at() is None
    assert life.tick(100.1, 200_000.0) == []


def test_the_next_event_is_asked_for_before_the_end():
    """Where nobody will be held the environment need not wait for us at the end either."""
    life = lifecycle("periodic")

    assert life.invoked("a", 103.0, 99.0, 100.0, told_by=BY_HOOK) == [NEXT]
    assert life.state == ASKED
    assert life.ended("a", 99.0, failing=False, now=100.2) == []
    assert life.state == WAITING
    assert life.invoked("b", 203.0, 99.0, 108.0, told_by=BY_HOOK) == [NEXT]


def test_what_is_asked_for_early_is_asked_for_once():
    """The early flush before a time-out still comes, the next event is not asked for again."""
    life = lifecycle("periodic")
    life.invoked("a", 103.0, None, 100.0, told_by=BY_HOOK)

    assert life.wakes_at() == 103.0 - EARLY_FLUSH
    assert life.tick(100.1, 103.0 - EARLY_FLUSH) == [DELIVER_SOON]
    assert life.tick(100.1, 103.0 - LAST_MOMENT) == []
    assert life.wakes_at() is None


def test_old_lines_are_not_left_behind_early():
    """Where a line is due the end is awaited, since it may have to be held for."""
    life = lifecycle("periodic")

    assert life.invoked("a", 133.0, 100.0, 130.0, told_by=BY_HOOK) == [DELIVER]
    assert life.ended("a", 100.0, failing=False, now=130.1) == [FLUSH]


def test_lines_that_became_old_meanwhile_are_delivered_without_a_hold():
    """What was asked for cannot be taken back."""
    life = lifecycle("periodic")
    life.invoked("a", 903.0, 95.0, 100.0, told_by=BY_HOOK)

    assert life.ended("a", 95.0, failing=False, now=130.0) == [DELIVER]
    assert life.state == WAITING


def test_failing_stream_holds_nobody():
    """While Firehose fails the hold is zero; lines go as soon as it takes them again."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0)

    assert life.ended("a", 100.1, failing=True, now=100.2) == [DELIVER, NEXT]
    assert life.state == WAITING


def test_hold_ends_at_its_limit():
    """A flush that does not come back is left behind after the hold limit."""
    life = lifecycle()
    life.invoked("a", 900.0, None, 100.0)
    life.ended("a", 100.1, failing=False, now=101.0)

    assert life.wakes_at() == 101.0 + HOLD_LIMIT
    assert life.tick(100.1, 101.0 + HOLD_LIMIT - 0.01) == []
    assert life.tick(100.1, 101.0 + HOLD_LIMIT) == [NEXT]


def test_a_flush_that_hangs_is_waited_for_once():
    """Until the flush that outlasted its hold is over, no other invocation is held for it."""
    life = lifecycle()
    life.invoked("a", 900.0, None, 100.0)
    life.ended("a", 100.1, failing=False, now=101.0)
    life.tick(100.1, 101.0 + HOLD_LIMIT)

    assert life.awaits_flush
    life.invoked("b", 900.0, 100.1, 105.0)
    assert life.ended("b", 100.1, failing=False, now=105.1) == [DELIVER, NEXT]
    assert life.flush_failed() == []  # it has failed, but it is not over
    life.invoked("c", 900.0, 100.1, 106.0)
    assert life.ended("c", 100.1, failing=False, now=106.1) == [DELIVER, NEXT]
    assert life.flushed() == []
    assert not life.awaits_flush
    life.invoked("d", 900.0, None, 107.0)
    assert life.ended("d", 107.1, failing=False, now=107.2) == [FLUSH]


def test_hold_ends_before_the_deadline():
    """The next event is asked for before the function's time is over, whatever the hold."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0)
    life.ended("a", 100.1, failing=False, now=102.0)

    assert life.wakes_at() == 103.0 - LAST_MOMENT


def test_end_too_close_to_the_deadline_delivers_without_holding():
    """With no time left the delivery is started and the next event asked for at once."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0)

    assert life.ended("a", 100.1, failing=False, now=102.95) == [DELIVER, NEXT]


def test_early_flush_before_a_time_out():
    """A second before the deadline everything logged so far is delivered, once."""
    life = lifecycle()
    life.invoked("a", 108.0, None, 100.0)

    assert life.wakes_at() == 108.0 - EARLY_FLUSH
    assert life.tick(101.0, 106.9) == []
    assert life.tick(101.0, 107.0) == [DELIVER_SOON]
    assert life.tick(101.0, 107.1) == []
    assert life.state == RUNNING


def test_early_flush_of_a_short_invocation():
    """The early flush never takes more than a third of a short invocation's time."""
    life = lifecycle()
    life.invoked("a", 101.5, None, 100.0)

    assert life.wakes_at() == 101.0


def test_handler_that_never_ends_does_not_keep_us():
    """Just before the deadline the next event is asked for although the handler still runs."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0)

    assert NEXT in life.tick(None, 103.0 - LAST_MOMENT)
    assert life.wakes_at() is None
    assert life.ended("a", 100.1, failing=False, now=103.1) == []


def test_end_that_overtakes_its_event():
    """A handler done before its INVOKE event was read is not forgotten."""
    life = lifecycle()

    assert life.ended("a", 100.0, failing=False, now=100.0) == []
    assert life.invoked("a", 103.0, 100.0, 100.1)[-1] == FLUSH


def test_end_of_another_invocation_is_ignored():
    """News of the last invocation does not end this one."""
    life = lifecycle()
    life.invoked("b", 103.0, None, 100.0)

    assert life.ended("a", 100.0, failing=False, now=100.1) == []
    assert life.state == RUNNING
    assert life.ended(None, 100.0, failing=False, now=100.2) == [FLUSH]


def test_nobody_tells_the_end():
    """Without hook and telemetry, lines are delivered during the next invocation."""
    life = lifecycle()

    assert life.invoked("a", 103.0, None, 100.0, told_by=BY_NOBODY) == [NEXT]
    assert life.invoked("b", 203.0, 150.0, 200.0, told_by=BY_NOBODY) == [DELIVER, NEXT]
    assert life.wakes_at() is None


def test_old_lines_are_delivered_while_the_handler_runs():
    """Lines left behind are delivered when the next invocation comes, or once they are old."""
    life = lifecycle("periodic")

    assert life.invoked("a", 1_000.0, 85.0, 100.0) == [DELIVER]
    assert life.wakes_at() == 110.0
    assert life.tick(101.0, 110.0) == [DELIVER]
    assert life.tick(None, 120.0) == []


def test_telemetry_that_brought_no_end_is_not_trusted():
    """An end that was awaited in vain is not awaited again, until one is told; a hook always is."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0, told_by=BY_TELEMETRY)
    assert life.tick(None, 103.0 - LAST_MOMENT) == [NEXT]

    assert not life.awaits_end(BY_TELEMETRY)
    assert life.awaits_end(BY_HOOK)
    assert life.invoked("b", 203.0, None, 200.0, told_by=BY_TELEMETRY) == [NEXT]
    life.ended("b", None, failing=False, now=200.1)
    assert life.awaits_end(BY_TELEMETRY)
    assert life.invoked("c", 303.0, None, 300.0, told_by=BY_TELEMETRY) == []


def test_old_lines_being_read_are_waited_for():
    """While lines of an earlier process are read the next event is not asked for early."""
    life = lifecycle("periodic")

    assert life.invoked("a", 103.0, None, 100.0, told_by=BY_HOOK, recovering=True) == []
    assert life.state == RUNNING


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", STEPS)
def test_moves_are_those_of_the_table(state, step):
    """A step leads where the table says; what is not in the table is refused by name."""
    if (state, step) in MOVES:
        assert move(state, step) in STATES
    else:
        with pytest.raises(IllegalMoveError, match=f"'{step}' while {state}"):
            move(state, step)


@pytest.mark.parametrize("holding", [False, True])
def test_an_event_that_nobody_asked_for(holding):
    """While an invocation runs or is held an INVOKE event is illegal, and changes nothing."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0)
    if holding:
        life.ended("a", 100.1, failing=False, now=100.2)
    before = life.state, life.wakes_at()

    with pytest.raises(IllegalMoveError):
        life.invoked("b", 203.0, None, 100.3)
    assert (life.state, life.wakes_at()) == before


@pytest.mark.parametrize("state", STATES)
def test_after_a_defect_the_next_event_is_asked_for(state):
    """Whatever was going on: the next event is asked for and the next invocation is a new one."""
    life = lifecycle("periodic" if state == ASKED else "end")
    if state != WAITING:
        life.invoked("a", 103.0, None, 100.0, told_by=BY_HOOK)
    if state == HOLDING:
        life.ended("a", 100.1, failing=False, now=100.2)
    assert life.state == state

    assert life.reset() == [NEXT]
    assert life.state in (WAITING, ASKED)
    life.invoked("b", 203.0, None, 200.0)
    assert "b" in repr(life)


def test_repr_says_where_it_stands():
    """The repr names state and invocation."""
    life = lifecycle()
    life.invoked("a", 103.0, None, 100.0)

    assert repr(life) == "<Lifecycle running a>"


@given(
    st.floats(0, 20),
    st.floats(0, 25),
    st.floats(0, 25),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_next_is_asked_for_once_and_in_time(length, ends_after, flush_takes, ends, fails, pending):
    """Whatever happens, the next event is asked for exactly once and before the deadline."""
    life = lifecycle()
    now = 100.0
    deadline = now + length
    oldest = 99.0 if pending else None
    events = [(now + ends_after, "end")] if ends else []
    asked = [(now, a) for a in life.invoked("a", deadline, oldest, now) if a == NEXT]
    while not asked:
        wake = life.wakes_at()
        times = [at for at in (wake, *(at for at, _ in events)) if at is not None]
        assert times, "nothing would ever wake it"
        now = max(now, min(times))
        actions = []
        if events and events[0][0] <= now:
            _, what = events.pop(0)
            if what == "end":
                actions = life.ended("a", oldest, failing=fails, now=now)
                if FLUSH in actions:
                    events.append((now + flush_takes, "flushed"))
            else:
                actions = life.flushed()
        else:
            actions = life.tick(oldest, now)
        asked += [(now, a) for a in actions if a == NEXT]

    assert len(asked) == 1
    assert asked[0][0] <= max(deadline - LAST_MOMENT, 100.0)
    assert life.tick(oldest, deadline + 100) == []
