from __future__ import annotations

from random import Random

import pytest

from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._delivery.losses import Losses
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.retry import LEAST_APART, MOST_APART, MOST_AWAY, Pace
from firehose_logging._delivery.steps import Asked, Send, Wait, next_step

NOW = 100.0
THROTTLED = CallOutcome(error="ServiceUnavailableException", message="slow down", status=503)
PART = CallOutcome([None, "ServiceUnavailableException"], status=200)
DENIED = CallOutcome(error="AccessDeniedException", status=400)


def throttle(pace: Pace, times: int) -> None:
    """A stream that throttles again and again, and stores in between."""
    for _ in range(times):
        pace.failed()
        pace.stored()


class Desk:
    """A booking that learns, and a queue of lines that somebody waits for."""

    def __init__(self, *, learns: bool = True) -> None:
        self.batcher = Batcher(Ledger(), 1_000_000, record_bytes=1)
        self.booking = Booking(
            "logs", self.batcher, Losses(self.batcher), lambda: 0.5, learns=learns
        )
        self.asked = Asked(trigger_bytes=100, interval=10.0)

    def add(self, lines: int = 1) -> None:
        """Lines that are asked for."""
        for _ in range(lines):
            self.batcher.add(b"x\n", NOW)
        self.asked.wait_for(self.batcher.ledger.accepted - 1)

    def step(self, now: float):
        """What is done next."""
        return next_step(
            self.batcher, self.booking, self.asked, now, background=False, inline=False
        )

    def call(self, outcome: CallOutcome, now: float) -> None:
        """A call with that end."""
        self.booking.hurry(back_off=False)
        step = self.step(now)
        assert isinstance(step, Send)
        self.booking.book(step.records, outcome, now)


def test_one_throttled_call_changes_nothing_later():
    """After the first one that is stored whole, lines are sent when they are asked for."""
    pace = Pace(lambda: 1.0)

    assert pace.failed() > 0
    assert pace.stored() == 0.0


def test_throttling_again_and_again_puts_calls_apart():
    """Each further time doubles what is left, up to a bound."""
    pace = Pace(lambda: 0.5)
    seen = []
    for _ in range(14):
        pace.failed()
        seen.append(pace.stored())

    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert LEAST_APART < seen[5] < seen[8] < seen[13] <= MOST_APART


def test_it_recovers_slowly():
    """Success after success the calls come closer again, until nothing is left of it."""
    pace = Pace(lambda: 0.5)
    throttle(pace, 12)
    waits = []
    while pace.apart:
        waits.append(pace.stored())

    assert waits == sorted(waits, reverse=True)
    assert len(waits) > 20
    assert waits[-1] == 0.0


def test_an_outage_says_nothing_about_how_many_calls_are_too_many():
    """However many calls it refuses, it counts as throttled once."""
    pace = Pace(lambda: 1.0)
    waits = [pace.failed() for _ in range(50)]

    assert waits == sorted(waits)
    assert waits[-1] == MOST_AWAY
    assert pace.stored() == 0.0


def test_processes_do_not_stay_together():
    """A thousand that were throttled at the same moment come back spread over the whole wait."""
    backs = []
    for seed in range(1_000):
        pace = Pace(Random(seed).random)
        for _ in range(20):
            wait = pace.failed()
        backs.append(wait)

    tenth = MOST_AWAY / 10
    counts = [sum(n * tenth <= wait < (n + 1) * tenth for wait in backs) for n in range(10)]
    assert min(counts) > 60
    assert max(counts) < 140


@pytest.mark.parametrize("outcome", [THROTTLED, PART], ids=["call", "record"])
def test_calls_to_a_stream_that_throttles_are_put_off(outcome):
    """A whole call or one of its records: the next flush waits for longer than the back-off."""
    desk = Desk()
    for _ in range(8):
        desk.add(2)
        desk.call(outcome, NOW)
        for record in desk.batcher.take():
            desk.booking.book([record], CallOutcome([None]), NOW)
    desk.add()
    step = desk.step(NOW)

    assert isinstance(step, Wait)
    assert step.seconds > LEAST_APART
    assert desk.booking.makes_wait(NOW)
    assert not desk.booking.failing
    assert isinstance(desk.step(NOW + step.seconds), Send)


@pytest.mark.parametrize("how", ["much", "hurry", "closing"])
def test_what_is_pressing_is_not_put_off(how):
    """Much that is queued, a deadline, the end of the process."""
    desk = Desk()
    desk.booking.unhurried_before = NOW + 100
    desk.add(60 if how == "much" else 1)
    if how == "hurry":
        desk.booking.hurry()
    if how == "closing":
        desk.asked.close()

    assert isinstance(desk.step(NOW), Send)


def test_hurry_leaves_the_back_off():
    """Only the end of the environment calls against it."""
    desk = Desk()
    desk.add()
    desk.call(THROTTLED, NOW)
    desk.booking.hurry()
    assert isinstance(desk.step(NOW), Wait)

    desk.booking.hurry(back_off=False)
    assert isinstance(desk.step(NOW), Send)


def test_a_refusal_is_not_throttling():
    """What waits for a person has a back-off of its own, and teaches nothing."""
    desk = Desk()
    desk.add()
    desk.call(DENIED, NOW)

    assert desk.booking.unhurried_before == 0.0


def test_other_policies_do_not_learn():
    """``end`` and ``periodic`` call as they were told to."""
    desk = Desk(learns=False)
    for _ in range(8):
        desk.add()
        desk.call(THROTTLED, NOW)
        desk.booking.book(desk.batcher.take(), CallOutcome([None]), NOW)
    desk.add()

    assert isinstance(desk.step(NOW), Send)
