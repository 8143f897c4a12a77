"""Rows for people and for programs."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest

from firehose_logging._cli import render

ROW = (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc), date(2026, 1, 2), Decimal("1.5"),
       [1, Decimal(2)], {"a": None}, None, True, "text", b"bytes")  # fmt: skip
NAMES = [f"c{number}" for number in range(len(ROW))]


def test_json(capsys):
    """One object a row; times are RFC 3339 in UTC, lists and objects stay such."""
    render.write(NAMES, [ROW], "json")

    assert list(json.loads(capsys.readouterr().out).values()) == [
        "2026-01-02T03:04:05.000006Z", "2026-01-02", 1.5, [1, 2.0], {"a": None}, None, True, "text",
        "b'bytes'",
    ]  # fmt: skip


def test_csv(capsys):
    """A header, and JSON where a cell holds a list or an object; NULL is empty."""
    render.write(NAMES, [ROW], "csv")

    header, row = capsys.readouterr().out.splitlines()
    assert header == ",".join(NAMES)
    assert row.startswith('2026-01-02T03:04:05.000006Z,2026-01-02,1.5,"[1, 2.0]",')
    assert row.endswith(',"{""a"": null}",,true,text,b\'bytes\'')


def test_a_table(capsys):
    """Every value is in it; without rows it says so."""
    render.write(("n", "name"), [(1, "one"), (22, False)], "table")
    render.table(("n",), [], title="n")

    out = capsys.readouterr().out
    assert "one" in out
    assert "false" in out
    assert "no rows" in out


def test_a_cell_moves_no_cursor(capsys):
    """Control characters are replaced, and a long cell is cut."""
    render.table(("text",), [("\x1b[2Jgone",), ("x" * 400,)])

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\N{REPLACEMENT CHARACTER}[2Jgone" in out
    assert "x" * (render.CELL - 1) + "…" in out


def test_a_reader_who_has_gone_is_no_end_of_the_program():
    """A closed pipe is an error that the command handles, not rich's own exit."""
    with pytest.raises(BrokenPipeError):
        render.console().on_broken_pipe()


def test_on_a_terminal(monkeypatch):
    """There the console has the terminal's width and its colours."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    assert render.console(wide=True).soft_wrap
