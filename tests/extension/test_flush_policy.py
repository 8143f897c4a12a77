from __future__ import annotations

import pytest

from firehose_logging._extension.flush_policy import FlushPolicy


def arrive(policy: FlushPolicy, gaps: list[float]) -> float:
    """Invocations with these seconds between them; returns the time of the last."""
    now = 1_000.0
    policy.arrived(now)
    for gap in gaps:
        now += gap
        policy.arrived(now)
    return now


@pytest.mark.parametrize("mode", ["end", "periodic", "adaptive"])
def test_nothing_pending_is_nothing_to_deliver(mode):
    """No mode holds the environment for an empty buffer."""
    policy = FlushPolicy(mode, 10)

    assert not policy.at_end(None, arrive(policy, [100]))


def test_end_always_delivers():
    """Under `end` even a line of this instant is delivered."""
    policy = FlushPolicy("end", 10)
    now = arrive(policy, [0.01] * 30)

    assert policy.at_end(now, now)


def test_periodic_holds_only_for_lines_that_waited_twice_the_interval():
    """Under `periodic` a line that running invocations missed for an interval is not put off."""
    policy = FlushPolicy("periodic", 10)

    assert not policy.at_end(1_000.0, 1_019.9)
    assert policy.at_end(1_000.0, 1_020.0)


@pytest.mark.parametrize(
    ("gaps", "dense"),
    [
        ([], False),
        ([0.1] * 9, False),
        ([0.1] * 10, True),
        ([1.0] * 10, True),
        ([1.1] * 10, False),
        ([2.0] * 20, True),
        ([2.1] * 20, False),
        ([0.1] * 30 + [10.0], True),
        ([0.1] * 30 + [10.1], False),
        ([0.1] * 30 + [10.1] + [0.1] * 9, False),
        ([0.1] * 30 + [10.1] + [0.1] * 10, True),
        ([0.1] * 30 + [3.0] * 14, False),
        ([60.0] * 20 + [0.1] * 10, True),
    ],
)
def test_adaptive_tells_dense_from_sparse(gaps, dense):
    """Dense: ten gaps or more without a silence, the last 20 a fifth of the interval on average."""
    policy = FlushPolicy("adaptive", 10)
    now = arrive(policy, gaps)

    assert policy.dense() is dense
    assert policy.at_end(now, now) is not dense


@pytest.mark.parametrize("invocations", [12, 30, 60, 200, 1_000])
def test_a_burst_that_stops_leaves_few_behind(invocations):
    """Wherever a burst ends, a twentieth of its invocations has lines waiting, or one."""
    policy = FlushPolicy("adaptive", 10)
    now, oldest, left = 1_000.0, None, 0
    for number in range(invocations):
        now += 0.001
        policy.arrived(now)
        if policy.due(oldest, now):
            oldest, left = None, 0
        oldest = oldest if oldest is not None else now
        if policy.at_end(oldest, now):
            oldest, left = None, 0
        else:
            left += 1

        assert left <= max(1, number * 0.05)


def test_periodic_leaves_as_many_as_come():
    """Only `adaptive` counts what it leaves behind; `periodic` looks at ages."""
    policy = FlushPolicy("periodic", 10)
    now = 1_000.0
    for _ in range(100):
        now += 0.001
        policy.arrived(now)
        assert not policy.due(1_000.0, now)
        assert not policy.at_end(1_000.0, now)


def test_a_delivery_starts_the_count_anew():
    """Invocations delivered for their age are not left behind any more."""
    policy = FlushPolicy("adaptive", 10)
    now = arrive(policy, [0.1] * 60)
    assert [policy.at_end(now, now), policy.at_end(now, now)] == [False, False]

    assert policy.due(now - 10, now)
    assert not policy.due(now, now)
    assert not policy.at_end(now, now)
    assert not policy.due(now, now)


def test_asking_whether_lines_are_due_changes_nothing():
    """What was left behind is counted until lines are delivered, however often somebody asks."""
    policy = FlushPolicy("adaptive", 10)
    now = arrive(policy, [0.1] * 60)
    while not policy.is_due(now, now):
        assert not policy.at_end(now, now)

    assert policy.is_due(now, now)
    assert policy.due(now, now)
    assert not policy.is_due(now, now)


def test_lines_are_due_during_a_running_invocation_after_the_interval():
    """A line is delivered during a running invocation when it is as old as the interval."""
    policy = FlushPolicy("periodic", 10)

    assert not policy.due(None, 2_000.0)
    assert not policy.due(1_000.0, 1_009.9)
    assert policy.due(1_000.0, 1_010.0)


def test_unknown_mode_is_refused():
    """The message names the mode and what is allowed."""
    with pytest.raises(ValueError, match="flush mode 'never'; one of end, periodic, adaptive"):
        FlushPolicy("never", 10)
