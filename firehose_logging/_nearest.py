"""Which of some names somebody probably meant. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of ``known`` that takes the fewest changes to become ``name``.

    Args:
        name: what was written.
        known: what there is, at least one; of two as near the first.
    """
    return min(known, key=lambda other: distance(name, other))


def distance(one: str, other: str) -> int:
    """Letters to put in, take out, change, or swap with their neighbour to make two texts equal.

    The restricted edit distance of Damerau; ``difflib`` would cost an import of ``re``'s size.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        last, row, before_last = row, [i + 1], before
        for j, there in enumerate(other):
            least = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter != there))
            swapped = i and j and letter == other[j - 1] and one[i - 1] == there
            row.append(min(least, before_last[j - 1] + 1) if swapped else least)
        before = last
    return row[-1]
