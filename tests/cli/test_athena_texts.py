"""Athena's texts that need no engine: types, views of Parquet, named queries."""

from __future__ import annotations

import pytest

from firehose_logging._cli import athena, saved
from firehose_logging._cli.columns import COLUMNS


def test_the_view_of_parquet_has_the_same_columns():
    """Each column of a line, and the hour, whichever way the lines are kept."""
    for view in (athena.logs_view(), athena.logs_view_of_parquet()):
        assert all(f" AS {name}" in view for name in COLUMNS)
        assert view.splitlines()[-2].strip() == "CAST(hour AS varchar) AS hour"


def test_columns_of_both():
    """Glue keeps names in lower case; each has a type that Hive knows."""
    names = [name.lower() for name in COLUMNS]

    assert [name for name, _ in athena.parquet_columns()] == names
    assert [name for name, _ in athena.logs_columns()] == [*names, "hour"]
    assert len(athena.hive(athena.logs_columns())) == len(names) + 1


@pytest.mark.parametrize("name", saved.names())
def test_a_named_query_is_bound_to_the_newest_hours(name):
    """It qualifies the table, says its window, and asks for values by question marks."""
    text = athena.named_query(name, "lake")

    assert text.startswith(f"-- The last {athena.HOURS} hours")
    assert "FROM lake.logs WHERE hour >=" in text
    assert ":request" not in text
