"""What Athena gets, run here in translation: the same answers as the command's."""

from __future__ import annotations

import pytest
import sqlglot

from firehose_logging._cli import athena, dialect, saved
from firehose_logging._cli.lake import Lake
from firehose_logging._cli.progress import Progress
from firehose_logging._cli.sources import FolderSource
from firehose_logging._cli.window import Window

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def lake(bucket):
    """The real run's lines."""
    with Lake(FolderSource(bucket.folder), Window(), Progress("test", quiet=True)).open() as opened:
        yield opened


def test_logs_out_of_text_are_the_same_logs(lake):
    """Athena's view over the lines' text gives what the command reads with a JSON reader."""
    names, rows = lake.query(athena.logs_view().replace("timestamp(3)", "timestamp(6)"))
    mine, own = lake.run("SELECT * FROM logs")

    assert [name.lower() for name in names] == [name.lower() for name in mine]
    assert sorted(map(repr, rows)) == sorted(map(repr, own))
    assert len(rows) > 40


@pytest.mark.parametrize("name", saved.names())
def test_named_queries_are_the_saved_ones(lake, bucket, name):
    """Bound to the newest hours and whole in themselves, they answer the same."""
    values = {"request": bucket.requests["raised"], "execution": "none"}
    asked = saved.parameters(name)
    sql = athena.named_query(name, "main")
    for parameter in asked:
        sql = sql.replace("= ?", f"= '{values[parameter]}'", 1)

    assert sqlglot.parse_one(sql, read="athena")
    found = lake.query(sql)
    assert found[0] == lake.query(saved.query(name, values))[0]
    assert sorted(map(repr, found[1])) == sorted(
        map(repr, lake.query(saved.query(name, values))[1])
    )


@pytest.mark.parametrize("name", saved.VIEWS)
def test_views_say_their_columns(lake, name):
    """Names and types that Glue keeps are those that the view has."""
    types = {"varchar": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN",
             "timestamp(3)": "TIMESTAMP_MS"}  # fmt: skip
    rows = lake.run(f"DESCRIBE {dialect.to_duckdb(saved.view(name))}")[1]

    expected = [(column, types[kind]) for column, kind in athena.view_columns(name)]
    assert [(row[0].lower(), row[1]) for row in rows] == expected


def test_an_object_a_text_and_nonsense(tmp_path):
    """A message that is an object is JSON text; a line that is no JSON is NULLs, never an error."""
    (tmp_path / "x").write_text('{"message":{"a":1},"Message":"other case"}\n{"message":"text"}\n')
    with Lake(FolderSource(tmp_path), Window(), Progress("test", quiet=True)).open() as opened:
        found = opened.query(f"SELECT message FROM ({athena.logs_view()}) ORDER BY message")[1]
        cut = opened.query(
            "SELECT json_extract_scalar(t, '$.message') FROM (VALUES ('{\"message\"')) AS v (t)"
        )

    assert set(found) == {("text",), ('{"a":1}',)}
    assert cut[1] == [(None,)]
