"""tools/interpreters.py: which Pythons the layer gets bytecode of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import interpreters


def program(path: Path, output: str, status: int = 0) -> None:
    """A program that prints one line, as an interpreter asked for its version would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\nexit {status}\n")
    path.chmod(0o755)


def test_finds_what_answers_as_a_released_cpython(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shims of versions that are not there, other Pythons and alphas are passed over."""
    program(tmp_path / "bin" / "python3.10", "pyenv: python3.10: command not found", 127)
    program(tmp_path / "bin" / "python3.12", "PyPy 3 12 final")
    program(tmp_path / "bin" / "python3.13", "CPython 3 13 alpha")
    program(tmp_path / "bin" / "python3.14", "CPython 3 14 candidate")
    program(tmp_path / "bin" / "python3.15", "CPython 3 15 candidate")
    program(tmp_path / "pyenv/versions/3.14.1/bin/python3.14", "CPython 3 14 final")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "elsewhere"))

    found = interpreters.find_interpreters()

    running = f"3.{sys.version_info.minor}"
    assert found.pop(running) == Path(sys.executable)
    others = {
        "3.14": tmp_path / "pyenv/versions/3.14.1/bin/python3.14",  # a release before a candidate
        "3.15": tmp_path / "bin" / "python3.15",  # Lambda offers the next version as a preview
    }
    others.pop(running, None)
    assert found == others


def test_oldest_comes_first() -> None:
    """Versions are ordered as numbers, and the running one is among them."""
    minors = [int(version.partition(".")[2]) for version in interpreters.find_interpreters()]

    assert minors == sorted(minors)
    assert sys.version_info.minor in minors
