"""After SIGTERM: flush what is there, and what still comes, until SIGKILL."""

from __future__ import annotations

from firehose_logging._limits import SHUTDOWN_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firehose_logging._delivery.deliveries import Deliveries, Targets
    from firehose_logging._switch_interval import SwitchInterval

#: Seconds without news after which the last telemetry is taken for complete; where the platform
#: lets events wait for each other for longer, that comes on top.
QUIET = 0.03

#: Most seconds after SIGTERM that the platform's word on the last invocation is waited for, where
#: it has not come yet: after a time-out, or out of the freeze. SIGKILL follows after 300 ms.
VERDICT_LIMIT = 0.2

#: Seconds after SIGTERM at which what is still pending goes to the runtime's own output, if that is
#: wanted: the platform gives 300 to 500 ms.
DIVERT_AFTER = 0.2

#: The same while calls fail: the one that was made at SIGTERM has failed by then, too.
DIVERT_FAILING_AFTER = 0.1


class LastFlush:
    """The flush at SIGTERM, and what still comes after it.

    Args:
        deliveries: what is flushed.
        switches: kept short while it lasts.
        terminate: called, again and again, when it is done and nobody else handles SIGTERM.
        quiet: seconds without news after which no more will come.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        switches: SwitchInterval,
        terminate: Callable[[], None],
        *,
        quiet: float = QUIET,
    ) -> None:
        self._deliveries = deliveries
        self._switches = switches
        self._terminate = terminate
        self._quiet = quiet
        # All mutable state.
        self._began: float | None = None
        self._last_news = 0.0
        self._verdict_by = 0.0
        self._targets: Targets = []
        self._diverted = False

    @property
    def began(self) -> bool:
        """Whether SIGTERM has come."""
        return self._began is not None

    def prepare(self) -> None:
        """SIGTERM came: from here on a function that computes must not keep us waiting."""
        self._switches.shorten()

    def begin(self, now: float, *, awaits_verdict: bool = False) -> None:
        """Everything that waits has been made into lines: flush it.

        Args:
            now: seconds, on the clock.
            awaits_verdict: whether the platform has still to tell the end of an invocation.
        """
        self._began = self._last_news = now
        self._verdict_by = now + VERDICT_LIMIT if awaits_verdict else now
        self._diverted = False
        self._targets = self._deliveries.request_flush(urgent=True)

    def news(self, now: float) -> None:
        """Telemetry came."""
        self._last_news = now

    def verdict(self) -> None:
        """The platform has told the end of the last invocation."""
        self._verdict_by = 0.0

    def wakes_at(self, now: float) -> float | None:
        """When to call ``tick``; None before SIGTERM."""
        return None if self._began is None else now + self._quiet

    def tick(self, now: float) -> None:
        """Flush what has come meanwhile; end when all is delivered or the time is over."""
        if self._began is None:
            return
        deliveries = self._deliveries
        oldest = deliveries.oldest()
        if oldest is not None:
            self._targets = deliveries.request_flush(urgent=not deliveries.failing)
        if oldest is not None or not deliveries.recovered:
            since = self._began if oldest is None else max(oldest, self._began)
            if now - since >= self._patience():
                self._diverted = True
                deliveries.divert()
        over = now - self._began >= SHUTDOWN_LIMIT
        quiet = now - self._last_news >= self._quiet and now >= self._verdict_by
        if over or (quiet and deliveries.settled(self._targets)):
            self._switches.restore()
            self._terminate()
        if over:  # somebody handles SIGTERM and lives on; the next one is a new end
            self._began = None

    def _patience(self) -> float:
        """Seconds that a line is given before it goes the other way out."""
        if self._diverted:
            return QUIET  # those before it had their time, in vain; the function logs on
        return DIVERT_FAILING_AFTER if self._deliveries.failing else DIVERT_AFTER
