from __future__ import annotations

import pytest

from firehose_logging._flush_policy import FlushPolicy


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
    """Under `periodic` the shade has the first interval; a line that it missed is not put off."""
    policy = FlushPolicy("periodic", 10)

    assert not policy.at_end(1_000.0, 1_019.9)
    assert policy.at_end(1_000.0, 1_020.0)


@pytest.mark.parametrize(
    ("gaps", "dense"),
    [
        ([], False),
        ([0.1] * 4, False),
        ([0.1] * 5, True),
        ([2.0] * 5, True),
        ([2.1] * 5, False),
        ([0.1] * 19 + [2.1], False),
        ([0.1] * 19 + [2.1, 0.1], True),
        ([60.0] * 20 + [0.1] * 5, False),
        ([60.0] * 20 + [0.1] * 20, True),
    ],
)
def test_adaptive_tells_dense_from_sparse(gaps, dense):
    """Dense means: mean and last gap within a fifth of the interval, and enough of them."""
    policy = FlushPolicy("adaptive", 10)
    now = arrive(policy, gaps)

    assert policy.dense() is dense
    assert policy.at_end(now, now) is not dense


def test_lines_are_due_in_the_shade_after_the_interval():
    """A line is delivered in a running invocation's shade when it is as old as the interval."""
    policy = FlushPolicy("periodic", 10)

    assert not policy.due(None, 2_000.0)
    assert not policy.due(1_000.0, 1_009.9)
    assert policy.due(1_000.0, 1_010.0)


def test_unknown_mode_is_refused():
    """The message names the mode and what is allowed."""
    with pytest.raises(ValueError, match="flush mode 'never'; one of end, periodic, adaptive"):
        FlushPolicy("never", 10)
