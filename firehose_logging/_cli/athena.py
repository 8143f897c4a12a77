"""The same tables, views and saved queries for Athena: texts only, nothing of AWS is called. Pure.

Lines lie in Athena as they are, a table ``lines`` of one text column, and ``logs`` is a view that
reads each column out of the text. So no SerDe decides what a message that is an object becomes,
whether the case of a key counts, or what a line that is no JSON does to a query: Trino's
``json_extract_scalar`` reads exact keys, and answers NULL for what is no JSON. Athena bills bytes
scanned, not columns read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from firehose_logging._cli import saved
from firehose_logging._cli.columns import COLUMNS, FLAG, JSON, LIST, NUMBER, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Trino's type of each kind of column, and Hive's, in which Glue keeps it.
TRINO = {TIMESTAMP: "timestamp(3)", NUMBER: "bigint", FLAG: "boolean", LIST: "array(varchar)"}
HIVE = {
    "timestamp(3)": "timestamp",
    "bigint": "bigint",
    "boolean": "boolean",
    "array(varchar)": "array<string>",
    "varchar": "string",
    "double": "double",
}
#: Hours that a named query reads; its first line says so.
HOURS = 24


def trino(name: str) -> str:
    """The type of a column of ``logs``."""
    return TRINO.get(COLUMNS[name], "varchar")


def logs_view() -> str:
    """``logs`` over the text of ``lines``."""
    columns = ",\n    ".join(f"{_from_line(name)} AS {name}" for name in COLUMNS)
    return f"SELECT\n    {columns},\n    CAST(hour AS varchar) AS hour\nFROM lines"


def logs_view_of_parquet() -> str:
    """``logs`` over the columns of Parquet, where times are text still."""
    columns = ",\n    ".join(f"{_from_column(name)} AS {name}" for name in COLUMNS)
    return f"SELECT\n    {columns},\n    CAST(hour AS varchar) AS hour\nFROM columns"


def _from_line(name: str) -> str:
    path = f"'$.{name}'"
    scalar = f"json_extract_scalar(line, {path})"
    kind = COLUMNS[name]
    if kind == TIMESTAMP:
        return f"CAST(TRY(from_iso8601_timestamp({scalar})) AS timestamp(3))"
    if kind in (NUMBER, FLAG):
        return f"TRY_CAST({scalar} AS {TRINO[kind]})"
    if kind == LIST:
        return f"TRY(CAST(json_extract(line, {path}) AS array(varchar)))"
    if kind == JSON or name == "message":
        return f"CAST(coalesce({scalar}, json_format(json_extract(line, {path}))) AS varchar)"
    return f"CAST({scalar} AS varchar)"


def _from_column(name: str) -> str:
    if COLUMNS[name] == TIMESTAMP:
        return f"CAST(TRY(from_iso8601_timestamp({name})) AS timestamp(3))"
    return f"CAST({name} AS {trino(name)})"


def parquet_columns() -> list[tuple[str, str]]:
    """Names and Hive types of the Parquet table, in lower case, as Firehose writes them."""
    kinds = {NUMBER: "bigint", FLAG: "boolean", LIST: "array<string>"}
    return [(name.lower(), kinds.get(kind, "string")) for name, kind in COLUMNS.items()]


def logs_columns() -> list[tuple[str, str]]:
    """Names and Trino types of ``logs``."""
    return [*((name.lower(), trino(name)) for name in COLUMNS), ("hour", "varchar")]


def view_columns(name: str) -> list[tuple[str, str]]:
    """Names and Trino types of a view: what the CAST around each column says."""
    found = re.findall(r"AS ([a-z]+(?:\(\d\))?)\) AS (\w+)(?=,?\n)", saved.view(name))
    outer = saved.view(name).split("\nFROM", 1)[0]
    return [(column.lower(), kind) for kind, column in found if f") AS {column}" in outer]


def named_query(name: str, database: str) -> str:
    """A saved query for Athena's console: whole in itself, and bound to the newest hours.

    Args:
        name: the saved query's.
        database: qualifies the table.
    """
    hours = (
        f"hour >= date_format(current_timestamp "
        f"AT TIME ZONE 'UTC' - INTERVAL '{HOURS + 1}' HOUR, '%Y/%m/%d/%H')"
    )
    return f"-- The last {HOURS} hours: change the interval below.\n{_bound(name, database, hours)}"


def hourly_query(name: str, database: str) -> str:
    """A saved query over one hour of arrival, which stands in it as ``{hour}``.

    Args:
        name: the saved query's.
        database: qualifies the table.
    """
    return _bound(name, database, "hour = '{hour}'")


def _bound(name: str, database: str, hours: str) -> str:
    # Athena's console asks for the value of each question mark.
    body = re.sub(r"(?<![\w:]):[a-z]+\b", "?", saved.body(name))
    needed = [view for view in saved.VIEWS if re.search(rf"\b(FROM|JOIN) {view}\b", body)]
    parts = [f"logs AS (\nSELECT * FROM {database}.logs WHERE {hours}\n)"]
    parts += [f"{view} AS (\n{_without_comments(saved.view(view))}\n)" for view in needed]
    return f"WITH {', '.join(parts)}\n{body}"


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.startswith("--"))


def hive(columns: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Columns with Hive's types instead of Trino's."""
    return [(name, HIVE[kind]) for name, kind in columns]
