from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.retry import (
    AGAIN,
    BLOCKED,
    NEVER,
    SPLIT,
    Backoff,
    verdict,
)
from tools.strategies import BLOCKING_ERRORS, CONTENT_ERRORS, PASSING_ERRORS


@pytest.mark.parametrize(("code", "status"), PASSING_ERRORS)
def test_what_may_pass_is_sent_again(code, status):
    """Throttling, server errors, expired tokens and broken connections pass by themselves."""
    outcome = CallOutcome(error=code, status=status)

    assert verdict(outcome, 1) == verdict(outcome, 500) == AGAIN


@pytest.mark.parametrize(("code", "status"), CONTENT_ERRORS)
def test_what_is_in_the_call_is_split_until_it_stands_alone(code, status):
    """One bad record refuses a whole call: halves, then the record alone is given up."""
    outcome = CallOutcome(error=code, status=status)

    assert verdict(outcome, 500) == verdict(outcome, 2) == SPLIT
    assert verdict(outcome, 1) == NEVER


@pytest.mark.parametrize(("code", "status"), BLOCKING_ERRORS)
def test_what_a_person_must_change_is_kept(code, status):
    """Wrong names, permissions, keys and credentials block, but never cost a line."""
    outcome = CallOutcome(error=code, status=status)

    assert verdict(outcome, 1) == verdict(outcome, 500) == BLOCKED


@given(st.text(max_size=30), st.integers(0, 599), st.integers(1, 500))
def test_unknown_errors_never_lose_lines(code, status, records):
    """An error that nobody knows yet is no reason to give lines up."""
    known = {c for c, _ in (*CONTENT_ERRORS, *BLOCKING_ERRORS)}
    if status == 413 or code in known:
        return

    assert verdict(CallOutcome(error=code, status=status), records) == AGAIN


def test_backoff_grows_to_its_cap():
    """The wait doubles with each failure up to 5 seconds, and starts over after a success."""
    backoff = Backoff(lambda: 1.0)

    waits = [backoff.failure() for _ in range(8)]

    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])
    backoff.success()
    assert backoff.failure() == pytest.approx(0.2)


def test_backoff_for_a_person_is_longer():
    """What waits for a person is asked about once a minute at most."""
    backoff = Backoff(lambda: 1.0)

    waits = [backoff.failure(blocked=True) for _ in range(20)]

    assert waits[-1] == 60.0
    assert waits == sorted(waits)


def test_jitter_is_full():
    """The wait is anywhere from nothing to the cap, so that environments do not march in step."""
    assert Backoff(lambda: 0.0).failure() == 0.0
    assert Backoff(lambda: 0.5).failure() == pytest.approx(0.1)


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 3_000), st.booleans())
def test_backoff_is_bounded(random, failures, blocked):
    """A day of failures neither overflows nor waits beyond the cap."""
    backoff = Backoff(lambda: random)
    backoff.failures = failures

    assert 0 <= backoff.failure(blocked=blocked) <= (60 if blocked else 5)


def test_repr_of_outcomes():
    """Outcomes show what failed."""
    assert repr(CallOutcome([None, "InternalFailure", None])) == "<CallOutcome 2 stored, 1 failed>"
    assert repr(CallOutcome(error="X", message="no", status=400)) == "<CallOutcome 400 X: no>"
