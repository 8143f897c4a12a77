"""What a flush came to."""

from __future__ import annotations


class FlushResult:
    """What a flush came to; true when all that was accepted before it has been delivered.

    Args:
        delivered: lines that Firehose confirmed while the flush waited.
        pending: lines accepted before the flush and not delivered yet; they stay queued.
        lost: lines lost while the flush waited, by reason.
        diverted: lines that went to the runtime's own output meanwhile, since Firehose did not take
            them (``FIREHOSE_LOGGING_PASSTHROUGH=undelivered``).
    """

    __slots__ = ("delivered", "diverted", "lost", "pending")

    def __init__(
        self, delivered: int, pending: int, lost: dict[str, int], diverted: int = 0
    ) -> None:
        self.delivered = delivered
        self.pending = pending
        self.lost = lost
        self.diverted = diverted

    def __bool__(self) -> bool:
        return not (self.pending or self.lost or self.diverted)

    def __repr__(self) -> str:
        more = f", diverted={self.diverted}" if self.diverted else ""
        return (
            f"FlushResult(delivered={self.delivered}, pending={self.pending}, "
            f"lost={self.lost}{more})"
        )
