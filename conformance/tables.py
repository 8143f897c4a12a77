"""From the outcome of each test to tables: what is in a cell, a row, a column, a footnote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PASSED, FAILED, SKIPPED, ABSENT = "passed", "failed", "skipped", "n/a"
#: A failure that a test expects, with its reason.
KNOWN = "fails, known"
#: Most columns of a table; where sections beside each other are not more, they are one table.
MAX_COLUMNS = 10
#: The reason beside a pass that was none at first.
SECOND_TRY = "a test passed at the second try only"
#: What stands for a rule that has no test in a column, and no reason for it.
NOT_ASKED = "—"


class Place(NamedTuple):
    """Where a test stands. ``section`` is a table within the table, by Python; may be empty."""

    table: str
    section: str
    row: str
    column: str


@dataclass
class Cell:
    """The outcomes of all tests that stand in one place, and the reasons of those not run."""

    outcomes: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)

    def add(self, outcome: str, reason: str = "") -> None:
        """Note one test's outcome; ``reason`` for one that did not run."""
        self.outcomes.add(outcome)
        if reason and reason not in self.reasons:
            self.reasons.append(reason)

    @property
    def word(self) -> str:
        """What is shown: one failure fails the cell, one test that passed is a pass."""
        for outcome in (FAILED, KNOWN, PASSED, SKIPPED, ABSENT):
            if outcome in self.outcomes:
                return f"**{FAILED}**" if outcome == FAILED else outcome
        return NOT_ASKED


class Tables:
    """All cells, by place, in the order in which they came."""

    def __init__(self) -> None:
        self._cells: dict[Place, Cell] = {}

    def add(self, place: Place, outcome: str, reason: str = "") -> None:
        """Note one test's outcome."""
        self._cells.setdefault(place, Cell()).add(outcome, reason)

    def passed_again(self, place: Place) -> None:
        """What failed there has been run once more, and passed."""
        cell = self._cells[place]
        cell.outcomes.discard(FAILED)
        cell.add(PASSED, SECOND_TRY)

    @property
    def failures(self) -> list[Place]:
        """Places in which something failed."""
        return [place for place, cell in self._cells.items() if FAILED in cell.outcomes]

    @property
    def unanswered(self) -> list[Place]:
        """Places that no test and no reason fills."""
        return [
            place
            for table in _unique(place.table for place in self._cells)
            for section in self._sections(table)
            for row in self._rows(table)
            for place in (Place(table, section, row, c) for c in self._columns(table))
            if place not in self._cells
        ]

    def markdown(self, first: Iterable[str] = (), without: Iterable[str] = ()) -> str:
        """All tables; those named in ``first`` come first, in that order, some are left out."""
        left_out = set(without)
        known = [name for name in self.names() if name not in left_out]
        order = [name for name in first if name in known]
        order += [name for name in known if name not in order]
        return "\n".join(self._table(name) for name in order)

    def names(self) -> list[str]:
        """The tables that there are."""
        return _unique(place.table for place in self._cells)

    def _table(self, table: str) -> str:
        parts = [f"## {table}\n"]
        notes: list[str] = []
        sections, columns = self._sections(table), self._columns(table)
        wide = len(sections) * len(columns) <= MAX_COLUMNS
        for group in [sections] if wide else [[section] for section in sections]:
            places = [(section, column) for section in group for column in columns]
            heads = [f"{s} · {c}" if s and wide else c for s, c in places]
            if not wide:
                parts.append(f"### {group[0]}\n")
            parts.append(f"| | {' | '.join(heads)} |")
            parts.append(f"|---|{'---|' * len(heads)}")
            for row in self._rows(table):
                cells = [self._shown(Place(table, s, row, c), notes) for s, c in places]
                parts.append(f"| {row} | {' | '.join(cells)} |")
            parts.append("")
        parts += [f"{number}. {reason}" for number, reason in enumerate(notes, 1)]
        return "\n".join([*parts, ""] if notes else parts)

    def _shown(self, place: Place, notes: list[str]) -> str:
        cell = self._cells.get(place, Cell())
        for reason in cell.reasons:
            if reason not in notes:
                notes.append(reason)
        numbers = ", ".join(str(notes.index(reason) + 1) for reason in cell.reasons)
        return f"{cell.word} ({numbers})" if numbers else cell.word

    def _sections(self, table: str) -> list[str]:
        return sorted(
            _unique(p.section for p in self._cells if p.table == table),
            key=lambda name: [int(part) if part.isdigit() else 0 for part in name.split(".")],
        )

    def _rows(self, table: str) -> list[str]:
        return _unique(place.row for place in self._cells if place.table == table)

    def _columns(self, table: str) -> list[str]:
        return _unique(place.column for place in self._cells if place.table == table)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
