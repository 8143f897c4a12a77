"""tools/measured.py: which tests measure, and what becomes of a figure that is too low."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SETUP = """
[coverage:run]
branch = True
source = shop
parallel = True
patch = subprocess

[coverage:report]
fail_under = {least}

[tool:pytest]
markers =
    e2e: a
    interrupts: b
"""
SHOP = """
def sell(many):
    if many:
        return "sold"
    return "nothing"
"""
TESTS = """
import pathlib
import pytest
import shop

@pytest.mark.{mark}
def test_of_a_kind():
    pathlib.Path("seen-{mark}").touch()

def test_it():
    assert shop.sell(True) == "sold"
"""


@pytest.fixture
def run(tmp_path):
    """Runs the tests of a small package, of which they cover a part; gives what was printed."""
    (tmp_path / "shop.py").write_text(SHOP)
    for folder, mark in (("package", "interrupts"), ("cli", "e2e"), ("aws", "e2e")):
        tests = tmp_path / "tests" / folder
        tests.mkdir(parents=True)
        (tests / f"test_{folder}.py").write_text(TESTS.format(mark=mark))

    def go(least: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "setup.cfg").write_text(SETUP.format(least=least))
        return subprocess.run(
            [sys.executable, "-m", "tools.run_tests", *arguments],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    return go


def test_enough(run):
    """With enough of the package covered the run passes, and the figure is printed."""
    done = run(50, "--coverage")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Branch coverage of the package: 66.7 %; 50 % is the least." in done.stdout


def test_too_little(run, tmp_path):
    """Below it fails, although every test passed; those that do not measure ran as well."""
    done = run(90)

    assert done.returncode == 1
    assert "shop.py" in done.stdout
    assert "90 % is the least" in done.stdout
    assert "SECOND TRY" not in done.stdout
    assert (tmp_path / "seen-interrupts").exists()
