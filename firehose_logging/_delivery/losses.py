"""Which losses are told in the log stream, and which are still to be told. Pure.

The line that tells losses can itself be lost; then what it told is to be told again.
"""

from __future__ import annotations

from firehose_logging._reasons import DIVERTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from firehose_logging._delivery.batch import Batcher, Record


class Losses:
    """Follows the line that tells losses, one at a time.

    Args:
        batcher: what holds that line, and the ledger that counts losses.
    """

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        # All mutable state: the line on its way, its index, and what it tells.
        self._telling: tuple[int, dict[str, int]] | None = None

    @property
    def to_tell(self) -> bool:
        """Whether there are losses that no line on its way tells."""
        ledger = self._batcher.ledger
        return self._telling is None and ledger.has_gaps and bool(ledger.untold)

    def not_stored(self) -> dict[str, int]:
        """Losses by reason that no stored line tells: untold, or told by a line on its way."""
        counts = dict(self._batcher.ledger.untold)
        for reason, lines in self._telling[1].items() if self._telling is not None else ():
            counts[reason] = counts.get(reason, 0) + lines
        return counts

    def tell(self, index: int) -> tuple[str, dict[str, int]]:
        """The text and the counts of the line that tells them all.

        Args:
            index: the line's, as the batcher will count it.
        """
        untold = self._batcher.ledger.take_untold()
        self._telling = (index, untold)
        lost = {reason: lines for reason, lines in untold.items() if reason != DIVERTED}
        texts = []
        if lost:
            reasons = ", ".join(f"{lines} {reason}" for reason, lines in lost.items())
            texts.append(f"{sum(lost.values())} lines were lost: {reasons}")
        if DIVERTED in untold:
            texts.append(f"{untold[DIVERTED]} lines went to the function's own output")
        return "; ".join(texts), untold

    def stored(self, records: Iterable[Record]) -> None:
        """These records are delivered; perhaps the line was in one of them."""
        if self._telling is not None:
            index = self._telling[0]
            if any(r.first <= index < r.first + r.lines for r in records):
                self._telling = None

    def check(self) -> None:
        """When the line that tells losses was itself lost, have them told again."""
        if self._telling is None:
            return
        index, told = self._telling
        ledger = self._batcher.ledger
        oldest = self._batcher.oldest_index()
        if index >= ledger.accepted or (oldest is not None and oldest <= index):
            return
        self._telling = None
        ledger.tell_again(told)
