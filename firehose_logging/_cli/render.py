"""Rows for people and for programs."""

from __future__ import annotations

import csv
import json
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

FORMATS = ("table", "json", "csv")
#: Columns of a table that goes into a file or a pipe: nothing is folded there.
WIDE = 10_000
#: Characters of one cell of a table.
CELL = 300


def write(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> None:
    """Write rows to stdout.

    Args:
        columns: their names.
        rows: as DuckDB gives them.
        form: ``table``, ``json`` (one object a line) or ``csv`` (with a header).
    """
    if form == "json":
        for row in rows:
            line = {name: plain(value) for name, value in zip(columns, row, strict=True)}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)
    else:
        table(columns, rows)


def console(wide: bool = False) -> Console:
    """Rich's console on stdout, without its own end of the program when the reader has gone.

    Args:
        wide: nothing is folded, on a terminal neither.
    """
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    if sys.stdout.isatty():
        return Plain(soft_wrap=wide)
    return Plain(width=WIDE, color_system=None)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """A table as wide as the terminal; as wide as it needs where there is none."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn_on = console()
    drawn = Table(box=box.SIMPLE, title=title, title_justify="left", pad_edge=False)
    shown = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numbers = all(
            isinstance(row[index], int | float) for row in shown if row[index] is not None
        )
        drawn.add_column(name, justify="right" if numbers and shown else "left", overflow="fold")
    for row in shown:
        drawn.add_row(*[Text(_short(_cell(value))) for value in row])
    drawn_on.print(drawn)
    if not shown:
        drawn_on.print("no rows")


def plain(value: Any) -> Any:
    """A value as JSON has it; times are RFC 3339, in UTC."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _short(text: str) -> str:
    # A control character of a log line must not move the reader's cursor.
    text = "".join(
        each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text
    )
    return text if len(text) <= CELL else text[: CELL - 1] + "…"
