"""The lines of a source as tables."""

from __future__ import annotations

import gzip
import json

import duckdb
import pytest

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.lake import Lake
from firehose_logging._cli.progress import Progress
from firehose_logging._cli.sources import open_source
from firehose_logging._cli.window import Window, moment


def line(hour, **more):
    """A line of that hour."""
    return {"timestamp": f"2026-11-28T{hour:02}:00:00.000000Z", "type": "function", **more}


@pytest.fixture
def opened(tmp_path):
    """Opens a lake over objects given by name, each a list of lines or bytes."""
    lakes = []

    def go(window=None, **objects):
        for name, content in objects.items():
            data = content
            if not isinstance(content, bytes):
                data = "".join(json.dumps(each) + "\n" for each in content).encode()
            (tmp_path / name).write_bytes(data)
        progress = Progress("query", quiet=True)
        lake = Lake(open_source(str(tmp_path)), window or Window(), progress)
        lakes.append(lake)
        return lake.open()

    yield go
    for lake in lakes:
        lake.__exit__()


def test_plain_and_gzipped(opened):
    """Objects of both kinds are one table, whatever their names say."""
    packed = gzip.compress(json.dumps(line(2, message="b")).encode() + b"\n")
    lake = opened(a=[line(1, message="a")], b=packed)

    assert lake.run("SELECT message FROM logs ORDER BY 1") == (["message"], [("a",), ("b",)])


def test_only_lines_of_the_window(opened):
    """Lines before and after are not in the tables, though their object was read."""
    now = moment("2026-11-28T12:00:00Z", None)
    window = Window(moment("3h", now), moment("1h", now))
    lake = opened(window, a=[line(hour, message=str(hour)) for hour in (8, 9, 10, 11)])

    assert lake.run("SELECT message FROM logs ORDER BY 1")[1] == [("10",), ("9",)]


def test_nothing_of_ours(opened):
    """Objects that hold no lines are told, and the status is no for an answer."""
    with pytest.raises(CommandError, match="none of its 1 objects holds lines") as told:
        opened(a=b"\x89PNG\r\n\x1a\n")
    assert told.value.status == 1


def test_foreign_objects_are_left_out_and_told(opened, capsys):
    """Some other object beside ours costs a remark."""
    opened(a=[line(1, message="a")], b=b"\x89PNG\r\n\x1a\n")

    assert "left out, since not ours: 1 objects" in capsys.readouterr().err


def test_a_query_that_fails_says_why(opened):
    """The engine's sentence, as an error of the command."""
    lake = opened(a=[line(1, message="a")])

    with pytest.raises(CommandError, match="nowhere"):
        lake.run("SELECT * FROM nowhere")


def test_parquet(opened, tmp_path):
    """Objects that Firehose has converted are read by their columns, whatever those hold."""
    duckdb.sql(
        "COPY (SELECT '2026-11-28T10:00:00.000000Z' AS timestamp, 'hello' AS message, "
        "'function' AS type, 3 AS seq, true AS coldstart, ['a'] AS stacktrace, "
        f"{{'a': 1}} AS extra) TO '{tmp_path / 'object.parquet'}' (FORMAT PARQUET)"
    )
    lake = opened()
    columns, rows = lake.run("SELECT message, seq, coldStart, extra, requestId FROM logs")

    assert [name.lower() for name in columns][:3] == ["message", "seq", "coldstart"]
    ((message, seq, cold, extra, request),) = rows
    assert (message, seq, cold, request) == ("hello", 3, True, None)
    assert json.loads(extra) == {"a": 1}
