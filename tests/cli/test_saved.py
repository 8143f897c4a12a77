"""The SQL that is shipped: Athena's and DuckDB's at once, and whole."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from firehose_logging._cli import columns, dialect, saved
from firehose_logging.errors import LOSS_REASONS

TEXTS = {
    **{name: saved.view(name) for name in saved.VIEWS},
    **{
        f"saved {name}": saved.query(name, dict.fromkeys(saved.parameters(name), "x"))
        for name in saved.names()
    },
}
WANTED = {
    "errors", "slowest", "request", "execution", "cold-starts", "memory-headroom", "timeouts",
    "cost-by-function", "noisy-loggers", "volume-by-level", "duplicates", "gaps", "losses", "tail",
    "health",
}  # fmt: skip


def test_the_saved_queries_are_all_there():
    """What people of CloudWatch would miss."""
    assert set(saved.names()) == WANTED
    assert all(saved.about(name).endswith(".") for name in saved.names())


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_both_dialects_read_it(name):
    """Athena's parser takes the text, DuckDB's takes the translation."""
    tree = sqlglot.parse_one(TEXTS[name], read="athena")
    translated = dialect.to_duckdb(TEXTS[name])

    assert isinstance(tree, exp.Query)
    assert isinstance(sqlglot.parse_one(translated, read="duckdb"), exp.Query)
    assert duckdb.extract_statements(translated)[0].type == duckdb.StatementType.SELECT


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_only_known_columns_are_asked(name):
    """A column that no table has would fail in Athena only, where no test runs."""
    tree = sqlglot.parse_one(TEXTS[name], read="athena")
    made = {each.alias.lower() for each in tree.find_all(exp.Alias)}
    tables = {each.lower() for each in (*columns.COLUMNS, "hour", "line")}
    views = {
        each.alias.lower()
        for view in saved.VIEWS
        for each in sqlglot.parse_one(saved.view(view), read="athena").selects
    }

    asked = {each.name.lower() for each in tree.find_all(exp.Column)} - {"*"}
    assert asked <= made | tables | views


@pytest.mark.parametrize("name", saved.VIEWS)
def test_columns_of_views_say_their_type(name):
    """Athena keeps a view's types beside its text: a CAST around each column is what they are."""
    for each in sqlglot.parse_one(saved.view(name), read="athena").selects:
        assert isinstance(each, exp.Alias)
        assert isinstance(each.this, exp.Cast)


def test_every_reason_for_a_loss_is_added_up():
    """A new reason must not be missing where losses are counted."""
    for text in (saved.view("instances"), saved.text("health")):
        assert [reason for reason in LOSS_REASONS if f"'$.{reason}'" not in text] == []


def test_json_functions_answer_as_in_athena():
    """NULL for what is no JSON and for what is no scalar; DuckDB's own would raise."""
    connection = duckdb.connect()
    for macro in dialect.MACROS:
        connection.execute(macro)
    values = "VALUES ('{\"a\":1}'), ('no'), ('{\"a\":{}}'), (NULL)"
    ask = f"SELECT json_extract_scalar(t, '$.a') FROM ({values}) AS x (t)"

    assert connection.execute(dialect.to_duckdb(ask)).fetchall() == [
        ("1",),
        (None,),
        (None,),
        (None,),
    ]
