"""The first thing that runs: it finds bytecode that is meant for this interpreter, or none."""

from __future__ import annotations

import py_compile
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from firehose_logging import _launch

PROGRAM = "run = __import__('sys').modules['ran'].append\n"
#: What nothing may run where there is bytecode of the program.
BROKEN = "raise OSError\n"


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Runs the launcher in a folder with this source of the program; gives what it ran."""

    def go(program: str = PROGRAM):
        shutil.copy(_launch.__file__, tmp_path / "_launch.py")
        (tmp_path / "_program.py").write_text(program)
        ran: list[str] = []
        monkeypatch.setitem(sys.modules, "ran", ran)
        runpy.run_path(str(tmp_path / "_launch.py"), run_name="__main__")
        return ran

    return go


@pytest.fixture
def compiled(tmp_path):
    """The bytecode of the program, for this interpreter."""
    source = tmp_path / "program.py"
    source.write_text(PROGRAM)
    path = tmp_path / "__pycache__" / f"_program.{sys.implementation.cache_tag}.pyc"
    path.parent.mkdir()
    py_compile.compile(
        str(source),
        cfile=str(path),
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return path


def test_without_bytecode_its_other_half_runs_from_source(launch, tmp_path):
    """Its other half is compiled from its file, and told where that is."""
    assert launch() == [f"{tmp_path}/"]


def test_bytecode_of_its_other_half_is_run(launch, compiled, tmp_path):
    """Where there is bytecode nothing is compiled, and nobody looks whether the source is newer."""
    assert launch(BROKEN) == [f"{tmp_path}/"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:10],
        lambda data: data[:40],
        lambda data: b"odd!" + data[4:],
        lambda data: data[:16] + b"\xff",
    ],
    ids=["empty", "without a head", "cut", "of another version", "no bytecode"],
)
def test_damaged_bytecode_is_passed_over(launch, compiled, tmp_path, damage):
    """Whatever is wrong with it, the function runs, from source."""
    compiled.write_bytes(damage(compiled.read_bytes()))

    assert launch() == [f"{tmp_path}/"]


def test_imported_it_runs_nothing(tmp_path):
    """Who imports every module of the package starts no program by that."""
    names = runpy.run_path(_launch.__file__, run_name="firehose_logging._launch")

    assert "code" not in names


def test_it_says_nothing_that_an_old_interpreter_cannot_parse():
    """Both halves parse as Python 3.7: on an old runtime they must say what is wrong."""
    import ast

    for name in ("_launch.py", "_program.py"):
        source = Path(_launch.__file__).with_name(name).read_text()
        ast.parse(source, feature_version=(3, 7))
