"""One thing that was measured: figures of ours beside those of others, perhaps with a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.anchor import THEN
from benchmarks.candidates import BY_NAME, OURS
from benchmarks.paired import Figure

#: Of those that bring the lines nowhere: a reader would otherwise compare unlike things.
_SHIPS_NOTHING = "ships nothing"


@dataclass(frozen=True)
class Entry:
    """One candidate's figure.

    Args:
        name: as in the tables.
        value: median and quartiles.
        note: what must be known to compare it; empty for nothing.
    """

    name: str
    value: Figure
    note: str = ""


@dataclass(frozen=True)
class Metric:
    """One thing that was measured.

    Args:
        section: of the page.
        name: what, with what it is compared to where it is a difference.
        unit: of all figures; empty for a ratio.
        entries: ours first.
        digits: after the point.
        target: most that ours may be; None without a target.
        bound: most that any single run may be; None without one.
    """

    section: str
    name: str
    unit: str
    entries: Sequence[Entry]
    digits: int = 1
    target: float | None = None
    bound: float | None = None

    @property
    def ours(self) -> Entry:
        """The first entry."""
        return self.entries[0]

    @property
    def reached(self) -> str:
        """Whether the target was: yes, no, or unsure; empty without one.

        Unsure when the rounds differ so much that the median may be on either side of it.
        """
        if self.target is None:
            return ""
        value = self.ours.value
        if value.least_median > self.target or (self.bound is not None and value.most > self.bound):
            return "no"
        return "yes" if value.most_median <= self.target else "unsure"

    @property
    def wanted(self) -> str:
        """The target in words; empty without one."""
        if self.target is None:
            return ""
        text = f"<= {self.target:g} {self.unit}".rstrip()
        return text if self.bound is None else f"{text}, never over {self.bound:g}"

    def times(self, entry: Entry) -> float | None:
        """How many times ours an entry is; None where that says nothing (ours is about 0)."""
        ours = self.ours.value.median
        return entry.value.median / ours if ours >= 10.0**-self.digits else None


def entries(values: Mapping[str, Figure], without: Iterable[str] = ()) -> list[Entry]:
    """An entry for each candidate: ours first, then what it was.

    Args:
        values: by name.
        without: who is left out.
    """
    first = (OURS.name, THEN.name)
    names = [*first, *(name for name in values if name not in first)]
    return [
        Entry(name, values[name], _note(name))
        for name in names
        if name in values and name not in without
    ]


def _note(name: str) -> str:
    candidate = BY_NAME.get(name)
    if candidate is None or candidate.delivers_to or candidate.package is None:
        return ""
    return _SHIPS_NOTHING
