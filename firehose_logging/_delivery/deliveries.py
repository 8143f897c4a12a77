"""All deliveries of the process as one; nearly always there is exactly one."""

from __future__ import annotations

from firehose_logging._bundle import have
from firehose_logging._delivery.delivery import Delivery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.result import FlushResult

Targets = list[tuple[Delivery, int]]


class Deliveries:
    """The deliveries of a process, by stream and client."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deliveries: dict[tuple[str, int], Delivery] = {}

    def get(self, key: tuple[str, int], make: Callable[[], Delivery]) -> Delivery:
        """The delivery of a stream, made at the first call."""
        delivery = self._deliveries.get(key)
        if delivery is None:
            delivery = self._deliveries.setdefault(key, make())
        return delivery

    def all(self) -> list[Delivery]:
        """Every delivery."""
        return list(self._deliveries.values())

    def request_flush(self, *, urgent: bool = False, hurried: bool = False) -> Targets:
        """Ask every delivery for what it has accepted so far."""
        return [(d, d.request_flush(urgent=urgent, hurried=hurried)) for d in self.all()]

    @staticmethod
    def settled(targets: Targets) -> bool:
        """Whether all that was asked for is delivered or lost."""
        return all(delivery.settled(target) for delivery, target in targets)

    @property
    def failing(self) -> bool:
        """Whether any stream that has lines is failing."""
        return any(d.failing and d.oldest() is not None for d in self.all())

    @property
    def makes_wait(self) -> bool:
        """Whether any stream that has lines is failing, or is spared."""
        return any(d.makes_wait and d.oldest() is not None for d in self.all())

    @property
    def lacks_thread(self) -> bool:
        """Whether any stream that has lines has no thread that delivers them."""
        return any(not d.has_thread and d.oldest() is not None for d in self.all())

    @property
    def recovered(self) -> bool:
        """Whether every stream has taken over what earlier processes left behind."""
        return all(d.recovered for d in self.all())

    def oldest(self) -> float | None:
        """When the oldest pending line came; None when nothing is pending."""
        times = [at for at in (d.oldest() for d in self.all()) if at is not None]
        return min(times, default=None)

    def pending(self) -> int:
        """Lines that are not delivered yet, of every stream."""
        return sum(d.backlog.pending() for d in self.all())

    def flush(self, timeout: float | None = None, *, urgent: bool = False) -> FlushResult:
        """Deliver everything, within one time budget in seconds."""
        deadline = None if timeout is None else self._clock.now() + timeout
        delivered, pending, diverted = 0, 0, 0
        lost: dict[str, int] = {}
        for delivery in self.all():
            delivery.flush(0, urgent=urgent)  # all of them at once, then wait for each
        for delivery in self.all():
            left = None if deadline is None else max(0.0, deadline - self._clock.now())
            result = delivery.flush(left, urgent=urgent)
            delivered += result.delivered
            pending += result.pending
            diverted += result.diverted
            for reason, count in result.lost.items():
                lost[reason] = lost.get(reason, 0) + count
        have("_delivery.result")
        from firehose_logging._delivery.result import FlushResult

        return FlushResult(delivered, pending, lost, diverted)

    def divert(self) -> None:
        """The environment ends: write what is pending to the runtime's own output, if asked for."""
        for delivery in self.all():
            delivery.divert()

    def look_after_journals(self) -> None:
        """An invocation is over, in which the function may have deleted our files."""
        for delivery in self.all():
            delivery.backlog.exclusively(delivery.backlog.journal.look)

    def are_kept(self) -> bool:
        """Whether whoever comes after this process can deliver all that is pending."""
        return all(delivery.backlog.is_kept() for delivery in self.all())

    def close_journals(self) -> None:
        """The process ends: leave pending lines, and only those, to the next one."""
        for delivery in self.all():
            delivery.close_journal()

    def forked(self) -> None:
        """In the parent of a forked child."""
        for delivery in self.all():
            delivery.forked()

    def after_fork(self) -> None:
        """In a forked child: every delivery starts empty."""
        for delivery in self.all():
            delivery.after_fork()
