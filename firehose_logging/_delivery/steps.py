"""What the delivery thread does next: send, wait or stop. Pure: counts and ``now`` in."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging._delivery.batch import Batcher, Record
    from firehose_logging._delivery.booking import Booking


class Send:
    """Send these records; they are in flight from now on.

    Args:
        records: of one call.
    """

    __slots__ = ("records",)

    def __init__(self, records: list[Record]) -> None:
        self.records = records

    def __repr__(self) -> str:
        return f"Send({self.records})"


class Wait:
    """Wait for news.

    Args:
        seconds: most seconds to wait; None until somebody has news.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"Wait({self.seconds})"


class Stop:
    """Nothing is left to do."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Stop()"


class Asked:
    """What others want of the delivery thread.

    Args:
        trigger_bytes: queued bytes that are sent without anybody asking.
        interval: seconds that a line waits at most, where lines are delivered by age.
    """

    __slots__ = ("closing", "interval", "target", "trigger_bytes")

    def __init__(self, trigger_bytes: int, interval: float) -> None:
        self.trigger_bytes = trigger_bytes
        self.interval = interval
        # All mutable state.
        #: Index of the newest line that somebody waits for.
        self.target = -1
        #: Whether the thread ends when everything is sent.
        self.closing = False

    def wait_for(self, index: int) -> None:
        """Somebody waits for every line up to this one.

        Args:
            index: of the newest of them.
        """
        self.target = index

    def close(self) -> None:
        """The thread is to end when everything is sent."""
        self.closing = True

    def reopen(self) -> None:
        """A thread begins: it ends only when it is asked to anew."""
        self.closing = False


def next_step(
    batcher: Batcher,
    booking: Booking,
    asked: Asked,
    now: float,
    *,
    background: bool,
    inline: bool,
) -> Send | Wait | Stop:
    """Decide, and take the records of a call out of the queue.

    Args:
        batcher: what is there to send.
        booking: says from when on, and how much.
        asked: what others want.
        now: seconds, of the clock of both.
        background: whether lines are delivered by age, without anyone asking.
        inline: whether this is a caller's thread, which never waits for more lines.
    """
    if not batcher.queued_bytes:
        return Stop() if asked.closing or inline else Wait()
    if now < booking.not_before:
        return Stop() if asked.closing else Wait(booking.not_before - now)
    oldest = batcher.oldest_queued()
    if asked.closing or inline or batcher.queued_bytes >= asked.trigger_bytes:
        return Send(batcher.take(booking.call_bytes))
    due = booking.unhurried_before
    if oldest is None or oldest > asked.target:
        if not background:
            return Wait()
        opened = batcher.oldest_time()
        due = max(due, (opened if opened is not None else now) + asked.interval)
    if now < due:
        return Wait(due - now)
    return Send(batcher.take(booking.call_bytes))
