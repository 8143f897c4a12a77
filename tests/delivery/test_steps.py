from __future__ import annotations

import pytest

from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._delivery.losses import Losses
from firehose_logging._delivery.steps import Asked, Send, Stop, Wait, next_step

NOW = 100.0


class Desk:
    """A queue with one line that came at ``NOW``, and what others want of it."""

    def __init__(self, lines: int = 1) -> None:
        self.batcher = Batcher(Ledger(), 1_000_000)
        self.booking = Booking("logs", self.batcher, Losses(self.batcher), lambda: 0.5)
        self.asked = Asked(trigger_bytes=1_000, interval=10.0)
        for _ in range(lines):
            self.batcher.add(b"x\n", NOW)

    def step(self, now: float = NOW, *, background: bool = False, inline: bool = False):
        """What is done next."""
        return next_step(
            self.batcher, self.booking, self.asked, now, background=background, inline=inline
        )


def test_nothing_queued_waits_for_news():
    """The thread waits; one that is closing, or a caller's own, does not."""
    desk = Desk(lines=0)

    assert repr(desk.step()) == "Wait(None)"
    assert isinstance(desk.step(inline=True), Stop)
    desk.asked.close()
    assert repr(desk.step()) == "Stop()"


def test_what_somebody_waits_for_is_sent():
    """A target at or behind the oldest line sends it."""
    desk = Desk()

    assert isinstance(desk.step(), Wait)
    desk.asked.wait_for(0)
    step = desk.step()
    assert isinstance(step, Send)
    assert "Record" in repr(step)


@pytest.mark.parametrize("how", ["closing", "inline", "trigger"])
def test_other_reasons_to_send(how):
    """The end, a caller's own thread, and much that is queued."""
    desk = Desk(lines=600 if how == "trigger" else 1)
    if how == "closing":
        desk.asked.close()

    assert isinstance(desk.step(inline=how == "inline"), Send)


def test_in_the_background_age_decides():
    """The oldest line waits for the interval and no longer."""
    desk = Desk()
    step = desk.step(NOW + 4, background=True)

    assert isinstance(step, Wait)
    assert step.seconds == pytest.approx(6)
    assert isinstance(desk.step(NOW + 10, background=True), Send)


def test_a_back_off_is_waited_for():
    """Whoever asks, the call comes when the back-off is over; who closes does not wait."""
    desk = Desk()
    desk.asked.wait_for(0)
    desk.booking.not_before = NOW + 2
    step = desk.step()

    assert isinstance(step, Wait)
    assert step.seconds == pytest.approx(2)
    desk.asked.close()
    assert isinstance(desk.step(), Stop)
