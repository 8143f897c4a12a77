"""tools/run_tests.py: several processes, and a second try of what failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import run_tests

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
from pathlib import Path

HERE = Path(__file__).parent

def test_sound():
    pass

def test_at_the_second_try():
    seen = HERE / "seen"
    before = seen.exists()
    seen.touch()
    assert before

def test_never():
    assert not (HERE / "fault").exists()
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The run in a folder of three tests."""
    (folder / "test_it.py").write_text(TESTS)
    return subprocess.run(
        [sys.executable, "-m", "tools.run_tests", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def test_a_second_try_that_passes_is_told(tmp_path: Path) -> None:
    """What fails once and passes then is no failure, and the output names it."""
    done = run(tmp_path)

    assert done.returncode == 0, done.stdout
    assert "SECOND TRY passed test_it.py::test_at_the_second_try" in done.stdout
    assert "test_sound" not in done.stdout


def test_a_second_failure_is_a_failure(tmp_path: Path) -> None:
    """What fails twice fails the run."""
    (tmp_path / "fault").touch()
    done = run(tmp_path)

    assert done.returncode == 1
    assert "SECOND TRY FAILED test_it.py::test_never" in done.stdout
    assert "SECOND TRY passed test_it.py::test_at_the_second_try" in done.stdout


def test_many_failures_are_no_accident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With more failures than an accident explains nothing is run again."""

    def main(arguments: list[str], plugins: list[run_tests.Failures]) -> int:
        plugins[0].tests += [f"test_{n}" for n in range(run_tests.MOST_SECOND_TRIES + 1)]
        return 1

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_tests.pytest, "main", main)
    monkeypatch.setattr(run_tests, "second_try", lambda test: pytest.fail("a second try"))

    assert run_tests.main([]) == 1
    assert "SECOND TRY" not in capsys.readouterr().out


def test_with_arguments_it_is_pytest(tmp_path: Path) -> None:
    """Who names the tests gets one process and no second try."""
    done = run(tmp_path, "-k", "second_try")

    assert done.returncode == 1
    assert "SECOND TRY" not in done.stdout
