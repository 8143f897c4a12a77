"""Who observes the runtime client can be told everything that it tells."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from firehose_logging import _observer
from firehose_logging._runtime import Runtime


def told() -> dict[str, ast.FunctionDef]:
    """The methods of an observer, by name; they are there for types only."""
    tree = ast.parse(Path(_observer.__file__).read_text())
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_runtime_is_an_observer():
    """Each method is there and takes the same arguments by the same names."""
    methods = told()
    assert methods
    for name, node in methods.items():
        given = [arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)]

        assert list(inspect.signature(getattr(Runtime, name)).parameters) == given


def test_it_costs_nothing_at_a_start():
    """The module holds types alone: importing it makes no class."""
    assert not [name for name in vars(_observer) if name == "Observer"]
