"""Where another process is the environment's extension: nothing but SIGTERM is waited for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SignalsOnly:
    """A worker of a Managed Instances environment that is not its extension."""

    ends_by_telemetry = False

    def gives_way(self, now: float) -> bool:
        """No thread waits for what comes here."""
        del now
        return False

    def hooked(self) -> None:
        """The runtime client is hooked; there is nothing to time by it."""

    def decorated(self) -> None:
        """The function tells its invocations; there is nothing to time by it."""

    def event(self, event: dict[str, Any], now: float) -> None:
        """No events come."""

    def ended(self, request_id: str | None, now: float) -> None:
        """A handler is done; deliveries run in the background, whatever ends."""

    def telemetry(self, now: float) -> None:
        """No telemetry comes."""

    def told(self, request_ids: list[str]) -> bool:
        """No telemetry comes."""
        del request_ids
        return False

    def signalled(self, now: float) -> bool:
        """SIGTERM came: the last flush is all there is to do."""
        del now
        return False

    def failed(self, now: float) -> None:
        """Something broke: nobody waits for us."""

    def tick(self, now: float) -> None:
        """Time changes nothing here."""

    def wakes_at(self) -> None:
        """Nothing is ever due."""

    def __repr__(self) -> str:
        return "<SignalsOnly>"
