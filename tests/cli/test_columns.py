"""The table ``logs``: every column of a line, with a type that both engines know."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from firehose_logging._cli import columns
from firehose_logging._cli.athena import TRINO
from firehose_logging._cli.columns import COLUMNS

DOCS = (Path(__file__).resolve().parents[2] / "docs/schema.md").read_text()
TYPES = {value for name, value in vars(columns).items() if name.isupper() and name != "COLUMNS"}


@pytest.mark.parametrize("name", COLUMNS)
def test_each_has_a_type_and_is_explained(name):
    """The type is one of those that there are, and docs/schema.md names the column."""
    assert COLUMNS[name] in TYPES
    assert re.search(rf"`{name}[`.]|\"{name}\"", DOCS)


@pytest.mark.parametrize("kind", sorted(set(COLUMNS.values())))
def test_both_engines_know_the_type(kind):
    """Trino's name is text or one of its types; DuckDB takes what the name stands for."""
    names = {"varchar", "timestamp(3)", "bigint", "boolean", "array(varchar)"}
    assert TRINO.get(kind, "varchar") in names
    duck = {"array(varchar)": "VARCHAR[]", "json": "VARCHAR"}.get(kind, kind)

    assert duckdb.sql(f"SELECT CAST(NULL AS {duck})").limit(1).fetchall() == [(None,)]
