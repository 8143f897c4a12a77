"""On demand, Lambda's usual mode: INVOKE events, a flush after the response, then the next event.

Carries out what ``lifecycle`` decides.
"""

from __future__ import annotations

from firehose_logging import _threads
from firehose_logging._diagnostics import tell
from firehose_logging._extension.lifecycle import (
    BY_HOOK,
    BY_NOBODY,
    BY_TELEMETRY,
    DELIVER_SOON,
    NEXT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.deliveries import Deliveries, Targets
    from firehose_logging._extension.lifecycle import Lifecycle
    from firehose_logging._extension.next_event import NextEvent
    from firehose_logging._line.context import Context
    from firehose_logging._switch_interval import SwitchInterval


#: Most seconds of a delivery that the companion's own thread makes, and nothing else meanwhile.
SHORT_DELIVERY = 1.0


class OnDemand:
    """Follows invocations by their events and their ends.

    Args:
        lifecycle: decides.
        deliveries: what is flushed.
        next_event: what is asked for the next event.
        context: told which invocation runs, where nobody else tells it.
        switches: kept short for the flush before a deadline.
        clock: the clock seam.
        hooked: whether a hook in the runtime client tells when handlers begin and end.
        decorated: whether the function's own decorator does.
        sees_runtime_done: whether telemetry will bring ``platform.runtimeDone``.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        deliveries: Deliveries,
        next_event: NextEvent,
        context: Context,
        switches: SwitchInterval,
        clock: Clock,
        *,
        hooked: bool,
        decorated: bool,
        sees_runtime_done: bool,
    ) -> None:
        self._lifecycle = lifecycle
        self._deliveries = deliveries
        self._next_event = next_event
        self._context = context
        self._switches = switches
        self._clock = clock
        self._sees_runtime_done = sees_runtime_done
        # All mutable state.
        self._hooked = hooked
        self._decorated = decorated
        self._targets: Targets = []
        self._shortened = False  # by us, and to be given back by us
        self._untold: str | None = None  # the last invocation, until telemetry tells its end

    # -- news -------------------------------------------------------------------------------

    def hooked(self) -> None:
        """The runtime client is hooked from now on."""
        self._hooked = True

    def decorated(self) -> None:
        """The function's own decorator tells the boundaries of invocations from now on."""
        self._decorated = True

    @property
    def ends_by_telemetry(self) -> bool:
        """Whether the ends that telemetry tells are news; a hook tells them sooner."""
        return not self._hooked

    def gives_way(self, now: float) -> bool:
        """Whether an event may wait a moment: a hook tells the end, and no delivery is due."""
        if not self._hooked or self._lifecycle.is_behind:
            return False
        return not self._lifecycle.is_due(self._deliveries.oldest(), now)

    def event(self, event: dict[str, Any], now: float) -> None:
        """The platform has answered the question for the next event."""
        if event.get("eventType") != "INVOKE":
            self._next_event.ask(now)
            return
        self._untold = str(event.get("requestId"))
        left = float(event.get("deadlineMs", 0)) / 1000 - self._clock.epoch()
        told_by = BY_HOOK if self._hooked else BY_NOBODY
        if not self._hooked and self._sees_runtime_done:
            told_by = BY_TELEMETRY
        if not self._hooked and self._lifecycle.awaits_end(told_by):
            self._begin(event)
        self._look(now)
        self._do(
            self._lifecycle.invoked(
                str(event.get("requestId")),
                now + left,
                self._deliveries.oldest(),
                now,
                told_by=told_by,
                failing=self._deliveries.makes_wait,
                recovering=not self._deliveries.recovered,
            ),
            now,
        )

    def _begin(self, event: dict[str, Any]) -> None:
        """Name the invocation by its event: the handler may have logged a line or two already.

        Those have no invocation; none has that of another, since it is forgotten at its end.
        """
        if not self._decorated:
            tracing = event.get("tracing")
            header = tracing.get("value") if isinstance(tracing, dict) else None
            self._context.begin(
                str(event.get("requestId")),
                trace_header=header if isinstance(header, str) else None,
            )

    def ended(self, request_id: str | None, now: float) -> None:
        """A handler is done; None means the one that runs."""
        self._deliveries.look_after_journals()
        self._look(now)
        oldest, failing = self._deliveries.oldest(), self._deliveries.makes_wait
        self._do(self._lifecycle.ended(request_id, oldest, failing=failing, now=now), now)

    def telemetry(self, now: float) -> None:
        """Telemetry came; what it says about ends comes as ``ended``."""

    def signalled(self, now: float) -> bool:
        """SIGTERM came: the last flush is not ours to make, and it needs short switches.

        What the platform says of the last invocation may come only now: of one that has timed out,
        or when an environment thaws that was frozen before.
        """
        del now
        self._shortened = False
        return self._sees_runtime_done and self._untold is not None

    def told(self, request_ids: list[str]) -> bool:
        """Telemetry has told these ends; whether that of the last invocation is told."""
        if self._untold in request_ids:
            self._untold = None
        return self._untold is None

    def failed(self, now: float) -> None:
        """Something broke: whatever was going on, the next event is asked for."""
        self._do(self._lifecycle.reset(), now)

    # -- time -------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Time has passed; called in every turn of the loop."""
        self._look(now)
        at = self._lifecycle.wakes_at()
        if at is not None and now >= at:
            self._do(self._lifecycle.tick(self._deliveries.oldest(), now), now)
        if self._shortened and (
            self._deliveries.settled(self._targets) or self._deliveries.makes_wait
        ):
            self._shortened = False
            self._switches.restore()

    def wakes_at(self) -> float | None:
        """When to call ``tick`` next; None when only news can change anything."""
        return self._lifecycle.wakes_at()

    def _look(self, now: float) -> None:
        """Whether the flush that somebody is or was held for has come to its end."""
        if not self._lifecycle.awaits_flush:
            return
        if self._deliveries.settled(self._targets):
            self._do(self._lifecycle.flushed(), now)
        elif self._deliveries.makes_wait:
            self._do(self._lifecycle.flush_failed(), now)

    def _do(self, actions: list[str], now: float) -> None:
        for action in actions:
            if action == NEXT:
                if not self._hooked and not self._decorated:
                    self._context.end()
                self._next_event.ask(now)
                continue
            if action == DELIVER_SOON:
                self._switches.shorten()
                self._shortened = True
            self._targets = self._deliveries.request_flush(hurried=action == DELIVER_SOON)
            if self._deliveries.lacks_thread:
                self._deliver_here(now)

    def _deliver_here(self, now: float) -> None:
        """No thread can be started for deliveries: this one makes them, while there is time."""
        if not _threads.is_ending():
            tell(
                "no thread can be started for deliveries; the extension's own delivers, as far as "
                "the invocation's time allows",
                code="no_thread",
                once="threads",
            )
        until = self._lifecycle.wakes_at()
        left = SHORT_DELIVERY if until is None else min(until - now, SHORT_DELIVERY)
        self._deliveries.flush(max(left, 0.0))

    def __repr__(self) -> str:
        return f"<OnDemand {self._lifecycle!r}>"
