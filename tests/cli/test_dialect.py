"""From Athena's SQL to DuckDB's: the same answers, or a sentence that says why there is none."""

from __future__ import annotations

import duckdb
import pytest

from firehose_logging._cli.dialect import MACROS, to_duckdb
from firehose_logging._cli.errors import CommandError


@pytest.fixture(scope="module")
def engine():
    """DuckDB with the macros."""
    connection = duckdb.connect()
    for macro in MACROS:
        connection.execute(macro)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("json_extract_scalar('{\"a\": {\"b\": 3}}', '$.a.b')", "3"),
        ("json_extract_scalar('{\"a\": {\"b\": 3}}', '$.a')", None),
        ("json_extract_scalar('no json', '$.a')", None),
        ("json_extract('{\"a\": [1]}', '$.a')", "[1]"),
        ("json_extract('no json', '$.a')", None),
        (
            "date_diff('second', timestamp '2026-01-01 00:00:00', timestamp '2026-01-01 00:01:00')",
            60,
        ),
        ("element_at(array['a', 'b'], 2)", "b"),
    ],
)
def test_answers(engine, sql, answer):
    """Functions that people use on lines answer as Athena's do."""
    assert engine.execute(to_duckdb(f"SELECT {sql}")).fetchone()[0] == answer


def test_a_path_that_is_a_column(engine):
    """A path need not be a text in the query."""
    sql = "SELECT json_extract_scalar(t, p) FROM (SELECT '{\"a\": 1}' AS t, '$.a' AS p)"

    assert engine.execute(to_duckdb(sql)).fetchone()[0] == "1"


@pytest.mark.parametrize("sql", ["", "DROP TABLE logs", "SELECT 1; SELECT 2", "-- nothing"])
def test_no_query(sql):
    """One query is needed; the message names the tables."""
    with pytest.raises(CommandError, match="one query is needed"):
        to_duckdb(sql)


def test_what_cannot_be_read():
    """The parser's sentence, without its colours."""
    with pytest.raises(CommandError, match="cannot be read as Athena's SQL") as told:
        to_duckdb("SELECT FROM WHERE (")
    assert "\x1b" not in str(told.value)
