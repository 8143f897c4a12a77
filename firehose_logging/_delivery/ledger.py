"""The count of every line to its end: accepted = delivered + diverted + lost + pending.

``pending`` is counted by the batcher on its own, not derived, so that the equation can fail.
Each way out is one assignment: an exception that comes in between finds it made or not made.
"""

from __future__ import annotations

from firehose_logging._reasons import DIVERTED, LOSS_REASONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Ledger:
    """Counts lines and bytes by how they ended."""

    def __init__(self) -> None:
        self.accepted = 0
        self.delivered = 0
        #: Lines that went to the runtime's own output, since Firehose did not take them.
        self.diverted = 0
        self.delivered_bytes = 0
        self.billed_bytes = 0
        self.lost: dict[str, int] = {}
        #: Losses that a line in the log stream has told, or is on its way to tell.
        self.told: dict[str, int] = {}

    @property
    def lost_lines(self) -> int:
        """All lines lost, whatever the reason."""
        return sum(self.lost.values())

    @property
    def untold(self) -> dict[str, int]:
        """Losses that no line in the log stream has told yet, and diverted lines likewise."""
        told = self.told
        return {r: n - told.get(r, 0) for r, n in self._gone() if n > told.get(r, 0)}

    def _gone(self) -> list[tuple[str, int]]:
        return [*self.lost.items(), (DIVERTED, self.diverted)]

    @property
    def has_gaps(self) -> bool:
        """Whether there may be something to tell; quicker than ``untold``."""
        return bool(self.lost) or self.diverted > 0

    def take_over_diverted(self, lines: int) -> None:
        """An earlier process diverted these, and had no time to tell."""
        self.accepted += lines
        self.diverted += lines

    def losing(self, reason: str, lines: int) -> int:
        """What ``lost[reason]`` is when ``lines`` more are lost; whoever asks assigns it.

        Raises:
            ValueError: there is no such reason.
        """
        if reason not in LOSS_REASONS:
            raise ValueError(f"unknown loss reason {reason!r}; one of {', '.join(LOSS_REASONS)}")
        return self.lost.get(reason, 0) + lines

    def take_untold(self) -> dict[str, int]:
        """The losses not told so far, by reason; they count as told from now on."""
        untold = self.untold
        self.told = dict(self._gone())
        return untold

    def tell_again(self, told: Mapping[str, int]) -> None:
        """What told these losses was itself lost."""
        self.told = {reason: n - told.get(reason, 0) for reason, n in self.told.items()}

    def balances(self, pending: int) -> bool:
        """Whether accepted = delivered + diverted + lost + pending."""
        return self.accepted == self.delivered + self.diverted + self.lost_lines + pending

    def __repr__(self) -> str:
        return f"<Ledger accepted={self.accepted} delivered={self.delivered} lost={self.lost}>"
