"""faults/promises.py against the tree: a mutant that fits no code any more protects nothing."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from faults.promises import PROMISES, Promise

ROOT = Path(__file__).resolve().parents[2]


@cache
def functions_of(path: str) -> frozenset[str]:
    """Names of the functions in a file of tests."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text)
def test_the_code_of_a_promise_is_there(promise: Promise) -> None:
    """What is taken out stands exactly once in its file, and something else takes its place."""
    source = (ROOT / "firehose_logging" / promise.file).read_text()

    assert source.count(promise.old) == 1
    assert promise.new != promise.old
    ast.parse(source.replace(promise.old, promise.new))


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text)
def test_the_test_of_a_promise_is_there(promise: Promise) -> None:
    """Each promise names a test that exists."""
    for node in promise.test.split():
        path, _, name = node.partition("::")

        assert not name or name.partition("[")[0] in functions_of(path), node
