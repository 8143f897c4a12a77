"""The names of columns: those that the code writes, and those that the docs explain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import firehose_logging
from firehose_logging._cli.columns import COLUMNS as TABLE
from firehose_logging._line.columns import COLUMNS, FOLDED

PACKAGE = Path(firehose_logging.__file__).parent
DOCS = (PACKAGE.parent / "docs/schema.md").read_text()
WRITTEN = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "columns.py")


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_each_is_written_and_explained(name):
    """A reserved name is one that a line really has, and docs/schema.md explains it."""
    assert re.search(rf'"{name}\\?"|,"{name}"', WRITTEN), "nothing writes it"
    assert f"`{name}`" in DOCS


def test_no_two_differ_by_case_alone():
    """Athena and Glue take such names for one."""
    assert len(FOLDED) == len(COLUMNS)
    assert all(name == name.lower() for name in FOLDED)


def test_the_command_can_ask_for_each():
    """The table that the command reads has every column of a line."""
    assert set(TABLE) >= COLUMNS
