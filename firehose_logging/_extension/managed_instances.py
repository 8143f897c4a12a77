"""Managed Instances: no INVOKE events, never frozen, deliveries run in the background.

One of the environment's processes is its extension. It also delivers what crashed workers leave.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._extension.next_event import NextEvent

#: Seconds between looks for what a crashed worker left behind; nobody starts it again.
RECOVER_EVERY = 60.0


class ManagedInstances:
    """The extension of a Managed Instances environment.

    Args:
        next_event: what is asked for the next event, which never comes.
        sink: takes over what crashed workers left.
    """

    #: A hook tells ends where anybody has to know them; here nobody has.
    ends_by_telemetry = False

    def __init__(self, next_event: NextEvent, sink: Delivery) -> None:
        self._next_event = next_event
        self._sink = sink
        # All mutable state.
        self._recovered_at = 0.0

    def gives_way(self, now: float) -> bool:
        """No thread waits for what comes here."""
        del now
        return False

    def hooked(self) -> None:
        """The runtime client is hooked; there is nothing to time by it."""

    def decorated(self) -> None:
        """The function tells its invocations; there is nothing to time by it."""

    def event(self, event: dict[str, Any], now: float) -> None:
        """Whatever came, it is answered by asking again."""
        del event
        self._next_event.ask(now)

    def ended(self, request_id: str | None, now: float) -> None:
        """A handler is done; deliveries run in the background, whatever ends."""

    def telemetry(self, now: float) -> None:
        """Telemetry came, so the environment works: a look at what crashed workers left."""
        if now - self._recovered_at >= RECOVER_EVERY:
            self._recover(now)

    def told(self, request_ids: list[str]) -> bool:
        """Nobody waits for one of many."""
        del request_ids
        return False

    def signalled(self, now: float) -> bool:
        """SIGTERM came: nobody else will deliver what crashed workers left."""
        self._recover(now)
        return False

    def _recover(self, now: float) -> None:
        self._recovered_at = now
        try:
            self._sink.recover()
        except OSError as error:
            tell(f"crash journal not read: {error}", code="journal_unread", once="recover")

    def failed(self, now: float) -> None:
        """Something broke: the next event is asked for all the same."""
        self._next_event.ask(now)

    def tick(self, now: float) -> None:
        """Time changes nothing here."""

    def wakes_at(self) -> None:
        """Nothing is ever due."""

    def __repr__(self) -> str:
        return "<ManagedInstances>"
