"""The local Lambda and the local Firehose stand alone: neither knows the other, nor the product."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: What each may import besides itself and the standard library.
ALLOWED = {
    "local_lambda": {"awslambdaric", "local_lambda_snapshot", "pytest", "typing_extensions"},
    "local_firehose": {"boto3", "botocore", "pyarrow", "typing_extensions"},
}
FILES = [(package, path) for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path, package: str) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(package if node.level else (node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "path"), FILES, ids=lambda value: getattr(value, "stem", value)
)
def test_only_itself_and_what_is_listed(package, path):
    """A file imports its own package, the standard library and what is listed above."""
    others = imported(path, package) - set(sys.stdlib_module_names) - {package}

    assert others <= ALLOWED[package]
