"""The layer's sources: without comments and docstrings, and else as they were."""

from __future__ import annotations

import ast
import dis
from pathlib import Path
from types import CodeType

import pytest

from tools.bare_source import bare

PACKAGE = Path(__file__).resolve().parents[2] / "firehose_logging"
SOURCES = sorted(PACKAGE.rglob("*.py"))


#: On the line of what comes first, docstring or code.
PROLOGUE = {"RESUME", "SETUP_ANNOTATIONS", "NOP"}


def run(code: CodeType) -> list[tuple[str, list[object]]]:
    """What a code object does: each function by name, with its instructions and their lines."""
    lines = dict(dis.findlinestarts(code))
    steps: list[object] = []
    line = None
    for step in dis.get_instructions(code):
        line = lines.get(step.offset, line)
        if step.opname not in PROLOGUE:
            # A docstring leaves a NOP: where a jump goes and where an object lies are no code.
            jumps = step.argrepr.startswith("to ")
            steps.append((step.opname, line, jumps or step.argrepr.partition(" at 0x")[0]))
    found = [(code.co_name, steps)]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += run(constant)
    return found


def documented_only(node: ast.AST) -> bool:
    """Whether a module, class or function has a docstring and nothing else."""
    return (
        isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and len(node.body) == 1
        and ast.get_docstring(node) is not None
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_code_is_the_same(path: Path) -> None:
    """Each instruction is there, on the line where it was: tracebacks show the repository's."""
    source = path.read_text("utf-8")
    before, after = (
        run(compile(text, path.name, "exec", dont_inherit=True, optimize=2))
        for text in (source, bare(source))
    )
    if not any(documented_only(node) for node in ast.walk(ast.parse(source))):
        assert after == before
    assert [name for name, _ in after] == [name for name, _ in before]
    assert len(bare(source).splitlines()) == len(source.splitlines())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_docstring_stays(path: Path) -> None:
    """Nothing that is written for readers alone takes room."""
    tree = ast.parse(bare(path.read_text("utf-8")))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node) is not None
    ]


def test_text_that_only_looks_like_a_comment_stays() -> None:
    """A hash in a string, a string that is no docstring: code."""
    source = (
        '"""Doc."""\n\nA = "# not one"  # one\n\n\nclass B(Exception):\n    """Told."""\n\n\n'
        'def f():\n    """Two\n    lines."""\n    "a statement"\n    return """\n# text\n"""\n'
    )
    assert bare(source) == (
        '\n\nA = "# not one"\n\n\nclass B(Exception):\n    pass\n\n\n'
        'def f():\n\n\n    "a statement"\n    return """\n# text\n"""\n'
    )
