"""The count of every line from acceptance to its end: accepted = delivered + lost + pending.

``pending`` is counted by the batcher on its own, not derived, so that the equation can fail.
"""

from __future__ import annotations

from firehose_logging.errors import LOSS_REASONS


class Ledger:
    """Counts lines and bytes by how they ended."""

    def __init__(self) -> None:
        self.accepted = 0
        self.delivered = 0
        self.delivered_bytes = 0
        self.billed_bytes = 0
        self.lost: dict[str, int] = {}
        #: Losses that no line in the log stream has told yet.
        self.untold: dict[str, int] = {}

    @property
    def lost_lines(self) -> int:
        """All lines lost, whatever the reason."""
        return sum(self.lost.values())

    def accept(self, lines: int = 1) -> None:
        """Count lines that we now answer for."""
        self.accepted += lines

    def deliver(self, lines: int, raw_bytes: int, billed_bytes: int) -> None:
        """Count lines that Firehose confirmed, their bytes, and the bytes it bills for them."""
        self.delivered += lines
        self.delivered_bytes += raw_bytes
        self.billed_bytes += billed_bytes

    def lose(self, reason: str, lines: int) -> None:
        """Count lines that will never arrive; the only way out besides delivery."""
        if reason not in LOSS_REASONS:
            raise ValueError(f"unknown loss reason {reason!r}; one of {', '.join(LOSS_REASONS)}")
        if lines:
            self.lost[reason] = self.lost.get(reason, 0) + lines
            self.untold[reason] = self.untold.get(reason, 0) + lines

    def take_untold(self) -> dict[str, int]:
        """The losses not told so far, by reason; they count as told from now on."""
        untold, self.untold = self.untold, {}
        return untold

    def balances(self, pending: int) -> bool:
        """Whether accepted = delivered + lost + pending."""
        return self.accepted == self.delivered + self.lost_lines + pending

    def __repr__(self) -> str:
        return f"<Ledger accepted={self.accepted} delivered={self.delivered} lost={self.lost}>"
