"""docs/messages.md against the source: every code is explained, and none that does not exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from firehose_logging._diagnostics import CODES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "firehose_logging").rglob("*.py"))
ROWS = re.findall(
    r"^\| `([a-z_]+)` \| ([A-Z]+) \| (.+?) \| (.+?) \|$",
    (ROOT / "docs/messages.md").read_text(),
    re.MULTILINE,
)


@cache
def literals() -> set[str]:
    """Every text in the package's source, the table of codes itself aside."""
    found = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        table = {
            id(key)
            for node in ast.walk(tree)
            if isinstance(node, ast.Dict) and len(node.keys) == len(CODES)
            for key in node.keys
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(() if id(node) in table else re.findall(r"[a-z_]+", node.value))
    return found


def told_codes() -> set[str]:
    """Every ``code=`` of a call of ``tell``."""
    codes = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tell":
                for keyword in node.keywords:
                    if keyword.arg == "code":
                        codes.update(
                            part.value
                            for part in ast.walk(keyword.value)
                            if isinstance(part, ast.Constant) and isinstance(part.value, str)
                        )
    return codes


def test_the_page_has_every_code():
    """The page lists exactly the codes that exist, in order, each once."""
    assert [code for code, _, _, _ in ROWS] == sorted(CODES)


@pytest.mark.parametrize(("code", "level", "meaning", "remedy"), ROWS)
def test_each_row_is_whole(code, level, meaning, remedy):
    """A row has the code's level, says what it means, and what to do."""
    assert CODES[code] == level
    assert len(meaning) > 20
    assert remedy.strip()


def test_only_codes_that_exist_are_told():
    """No call of ``tell`` makes up a code of its own."""
    assert told_codes()
    assert told_codes() <= set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_is_used(code):
    """A code that nothing in the package says is no code."""
    assert code in literals()
