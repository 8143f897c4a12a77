"""The first thing that runs: it finds the bundle that is meant for this interpreter, or none."""

from __future__ import annotations

import gc
import marshal
import shutil
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from firehose_logging import _launch

PROGRAM = """
def run(here, codes, collects):
    import gc
    ran.append((here, codes, collects, gc.isenabled()))
    gc.enable()
"""


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Runs the launcher out of a folder with a bundle of these bytes; gives what it ran."""

    def go(bundle: bytes | None, program: str = PROGRAM):
        folder = tmp_path / "firehose_logging"
        (folder / "__pycache__").mkdir(parents=True)
        shutil.copy(_launch.__file__, folder / "_launch.py")
        (folder / "_program.py").write_text(f"ran = __import__('sys').modules['ran']\n{program}")
        if bundle is not None:
            name = f"bundle.{sys.implementation.cache_tag}"
            (folder / "__pycache__" / name).write_bytes(bundle)
        ran: list[tuple[str, object]] = []
        monkeypatch.setitem(sys.modules, "ran", ran)
        monkeypatch.setattr(_launch, "__file__", str(folder / "_launch.py"))
        try:
            _launch._main()
        finally:
            gc.enable()
        return ran, str(folder)

    return go


def code(text: str):
    """Code that can stand in a bundle."""
    return compile(f"ran = __import__('sys').modules['ran']\n{text}", "<bundle>", "exec")


def bundle(**codes: object) -> bytes:
    """The bytes of a bundle."""
    return MAGIC_NUMBER + marshal.dumps(codes)


def test_without_a_bundle_it_runs_from_source(launch):
    """Its other half is compiled from its file; garbage is not collected until that says so."""
    ran, folder = launch(None)

    assert ran == [(folder, None, True, False)]


def test_the_bundles_own_half_is_run(launch):
    """Out of the bundle comes its half of the program, and the code of all other modules."""
    other = code("pass")
    ran, folder = launch(bundle(_program=code(PROGRAM), handler=other), program="raise OSError")

    ((here, codes, *_),) = ran
    assert here == folder
    assert list(codes) == ["handler"]


@pytest.mark.parametrize(
    "damaged",
    [b"", MAGIC_NUMBER, b"\0\0\0\0" + marshal.dumps({}), MAGIC_NUMBER + b"\xff", bundle(other=1)],
    ids=["empty", "cut", "of another build", "no marshalled data", "without the program"],
)
def test_a_damaged_bundle_is_passed_over(launch, damaged):
    """Whatever is wrong with it, the function runs, from source."""
    ran, folder = launch(damaged)

    assert ran == [(folder, None, True, False)]


def test_it_says_nothing_that_an_old_interpreter_cannot_parse():
    """Both halves parse as Python 3.7: on an old runtime they must say what is wrong."""
    import ast

    for name in ("_launch.py", "_program.py"):
        source = Path(_launch.__file__).with_name(name).read_text()
        ast.parse(source, feature_version=(3, 7))
