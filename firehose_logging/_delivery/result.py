"""What a flush came to."""

from __future__ import annotations


class FlushResult:
    """What a flush came to; true when all that was accepted before it has been delivered.

    Args:
        delivered: lines that Firehose confirmed while the flush waited.
        pending: lines accepted before the flush and not delivered yet; they stay queued.
        lost: lines lost while the flush waited, by reason.
    """

    __slots__ = ("delivered", "lost", "pending")

    def __init__(self, delivered: int, pending: int, lost: dict[str, int]) -> None:
        self.delivered = delivered
        self.pending = pending
        self.lost = lost

    def __bool__(self) -> bool:
        return not self.pending and not self.lost

    def __repr__(self) -> str:
        return f"FlushResult(delivered={self.delivered}, pending={self.pending}, lost={self.lost})"
