"""What a transport learned about one call: what every transport gives back. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Transport(Protocol):
        """The seam to Firehose."""

        def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
            """Send one call and say what became of it; blocks at most ``timeout`` seconds."""

        def close(self) -> None:
            """Let go of connections."""


class CallOutcome:
    """What the transport learned about one call.

    Args:
        codes: one entry a record, in order: None for stored, else the service's error code. None
            instead of a list when the call failed as a whole.
        error: code of a failed call: the service's, or the transport's own word ("Timeout").
        message: the words that came with it, without secrets.
        status: HTTP status; 0 when there was no answer.
        maybe_stored: True when the call may have arrived although no good answer came.
        sizes: bytes of each record as sent, where that differs from its raw size.
    """

    __slots__ = ("codes", "error", "maybe_stored", "message", "sizes", "status")

    def __init__(
        self,
        codes: Sequence[str | None] | None = None,
        *,
        error: str = "",
        message: str = "",
        status: int = 0,
        maybe_stored: bool = False,
        sizes: list[int] | None = None,
    ) -> None:
        self.codes = codes
        self.error = error
        self.message = message
        self.status = status
        self.maybe_stored = maybe_stored
        self.sizes = sizes

    def __repr__(self) -> str:
        if self.codes is None:
            return f"<CallOutcome {self.status} {self.error}: {self.message}>"
        failed = sum(code is not None for code in self.codes)
        return f"<CallOutcome {len(self.codes) - failed} stored, {failed} failed>"


def outcome_of_entries(entries: object, failed: object, sizes: list[int] | None) -> CallOutcome:
    """The outcome in a 200 answer: its ``RequestResponses`` and ``FailedPutCount``.

    Args:
        entries: as they came; anything but a list of objects is no answer to rely on.
        failed: as it came; must not contradict the entries.
        sizes: bytes of each record as sent.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        message = "no RequestResponses in the answer"
        return CallOutcome(error="BadResponse", message=message, status=200, maybe_stored=True)
    codes = [entry.get("ErrorCode") or None for entry in entries]
    if failed and not any(codes):
        message = f"FailedPutCount {failed} without a failed entry"
        return CallOutcome(error="WrongCount", message=message, status=200, maybe_stored=True)
    return CallOutcome(codes, status=200, sizes=sizes)
