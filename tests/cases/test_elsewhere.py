"""Cases that are no function of a runtime: each is a test of its own somewhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

#: What went wrong once, and the test that would notice; the README beside this says more.
ELSEWHERE = {
    "container-sigterm": "package/test_shutdown.py::test_sigterm_without_a_handler",
    "no-botocore-refused-once": (
        "firehose/test_direct.py::test_a_successor_that_is_not_there_does_not_take_over"
    ),
    "thaw-stale-signature": "firehose/test_direct.py::test_a_call_that_a_freeze_cut_is_signed_anew",
    "filter-of-a-subclass": "package/test_handler.py::test_filter_of_a_subclass",
}


@pytest.mark.parametrize("case", sorted(ELSEWHERE))
def test_the_case_has_its_test(case: str) -> None:
    """The test that is named is there, and the README names it."""
    path, _, name = ELSEWHERE[case].partition("::")
    tree = ast.parse((TESTS / path).read_text())

    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert f"`{case}`" in (TESTS / "cases" / "README.md").read_text()


def test_every_function_says_what_is_right() -> None:
    """No folder without its function and a sentence that says what is right."""
    for folder in (TESTS / "cases" / "functions").iterdir():
        if folder.name.startswith("__"):
            continue
        assert (folder / "app.py").exists(), folder.name
        assert ast.get_docstring(ast.parse((folder / "right.py").read_text())), folder.name
