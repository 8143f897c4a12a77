"""A module's source without comments and docstrings, each statement on the line where it was.

The layer carries the package's sources for tracebacks and for an interpreter that has no bytecode
there. Neither needs what is written for readers, and it is two fifths of the layer's own text.
"""

from __future__ import annotations

import ast
import io
import tokenize

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def bare(source: str) -> str:
    """The source of a module, with empty lines where its comments and docstrings were."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _Documented) and ast.get_docstring(node, clean=False) is not None:
            _empty(lines, node)
    return "\n".join(lines) + "\n"


def _empty(lines: list[str], node: _Documented) -> None:
    """Take the docstring of a node out of the lines; what has nothing else gets a `pass`."""
    text = node.body[0]
    before = lines[text.lineno - 1].encode()[: text.col_offset].decode()
    alone = len(node.body) == 1 and not isinstance(node, ast.Module)
    lines[text.lineno - 1] = f"{before}pass" if alone else before.rstrip()
    for row in range(text.lineno, text.end_lineno or text.lineno):
        lines[row] = ""
