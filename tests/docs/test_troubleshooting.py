"""docs/troubleshooting.md: what it says of Athena's table is so, as far as it can be run here."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from firehose_logging._cli.__main__ import main as command_line
from support import cloudformation
from support.athena_server import run
from support.pages import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
LINE: dict[str, Any] = {"timestamp": "2026-11-28T12:00:00Z", "level": "INFO", "message": "said"}


def stored(folder: Path, body: bytes) -> Path:
    """A folder with one object of an hour."""
    hour = folder / "firehose" / "2026/11/28/12"
    hour.mkdir(parents=True)
    (hour / "object.gz").write_bytes(body)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "no JSON at all",
        '{"cut": ',
        '{"a": 1, "A": 2, "a": 3}',
        "[1, 2]",
        "7",
        "",
        '{"message": {}}',
    ],
)
def test_no_line_makes_a_query_fail(text: str, tmp_path: Path) -> None:
    """Whatever a line is, the others are found."""
    body = "\n".join([json.dumps(LINE), text, json.dumps(LINE)])
    _, rows = run("SELECT * FROM logs WHERE message = 'said'", stored(tmp_path, body.encode()))

    assert len(rows) == 2


def test_compressed_twice_is_rows_of_null(tmp_path: Path) -> None:
    """One layer of compression is undone; what is below is no line that has columns."""
    packed = gzip.compress(json.dumps(LINE).encode(), mtime=0)
    # The reader takes text: the inner bytes are shown as what text can hold of them.
    body = gzip.compress(packed.decode("latin-1").encode())
    _, rows = run("SELECT level, message, seq FROM logs", stored(tmp_path, body))

    assert rows
    assert {value for row in rows for value in row} == {None}


def test_what_is_logged_besides_is_in_the_text(tmp_path: Path) -> None:
    """It is no column of ``logs``; the page's expression finds it in ``lines``."""
    folder = stored(tmp_path, json.dumps(LINE | {"customer": "c-42"}).encode())
    expression = re.search(r"`(json_extract_scalar\([^`]+\))` from `lines`", PAGE)

    assert expression
    assert run(f"SELECT {expression[1]} FROM lines", folder)[1] == [("c-42",)]
    with pytest.raises(duckdb.BinderException, match="customer"):
        run("SELECT customer FROM logs", folder)


def test_an_hour_is_text_as_the_page_writes_it(tmp_path: Path) -> None:
    """The condition takes this hour and leaves earlier ones."""
    folder = stored(tmp_path, json.dumps(LINE).encode())
    condition = re.search(r"`(hour >= '[^`]+')`", PAGE)

    assert condition
    assert len(run(f"SELECT * FROM logs WHERE {condition[1]}", folder)[1]) == 1
    assert run("SELECT * FROM logs WHERE hour >= '2026/11/28/13'", folder)[1] == []


def test_what_it_names_is_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The parameters are the template's, and the doctor tells of double compression."""
    parameters = cloudformation.load()["Parameters"]
    for name in ("QueryScanLimit", "FirehoseS3Prefix", "FirehoseBufferingInterval"):
        assert name in PAGE
        assert name in parameters
    text = cloudformation.TEMPLATE.read_text()
    mark = "          AWS_LAMBDA_EXEC_WRAPPER: /opt/firehose_wrapper\n"
    path = tmp_path / "template.yaml"
    path.write_text(text.replace(mark, f"{mark}          FIREHOSE_LOGGING_COMPRESSION: gzip\n"))

    assert command_line(["doctor", "--template", str(path)]) == 1
    assert "compressed twice" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "the function runs without it",
        "no package beside",
        "cannot be imported (",
        "it needs Python 3.10 or later",
        "is no Python interpreter; it runs unchanged",
    ],
)
def test_what_is_said_without_us_is_on_the_page(words: str) -> None:
    """The words of the wrapper and of what it starts are those that somebody will look for."""
    sources = ("wrapper_script/firehose_wrapper", "firehose_logging/_program.py")

    assert words in PAGE
    assert any(words in (ROOT / source).read_text() for source in sources)
