"""tools/run_tests.py: several processes, and another try of what failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import failures, run_tests

ROOT = Path(__file__).resolve().parents[2]

#: Seconds that a run of these few tests may take, each try in a process of its own.
RUN_TIMEOUT = 240

TESTS = """
from pathlib import Path

HERE = Path(__file__).parent

def test_sound():
    pass

def test_at_the_second_try():
    assert tried("second") > 1

def test_at_the_third_try():
    assert tried("third") > 2, "too early"

def tried(name):
    times = HERE / name
    count = int(times.read_text()) + 1 if times.exists() else 1
    times.write_text(str(count))
    return count

def test_never():
    assert not 1
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The run in a folder of four tests."""
    (folder / "test_it.py").write_text(TESTS)
    return subprocess.run(
        [sys.executable, "-m", "tools.run_tests", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=RUN_TIMEOUT, check=False,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What stands at the end about each test that did not pass at once."""
    _, found, summary = done.stdout.rpartition("did not pass at the first try:\n\n")
    assert found, done.stdout
    names = (part.partition("\n") for part in summary.split("\n\n"))
    return {name.removeprefix("test_it.py::test_"): why for name, _, why in names}


@pytest.mark.timeout(RUN_TIMEOUT + 60)
def test_the_end_tells_what_every_try_came_to(tmp_path: Path) -> None:
    """What passes at another try is told and no failure; what always fails is, and why is told."""
    done = run(tmp_path)

    assert done.returncode == 1
    summary = told(done)
    assert summary.keys() == {"at_the_second_try", "at_the_third_try", "never"}
    assert summary["at_the_second_try"].rstrip().endswith("  SECOND TRY passed")
    assert "  SECOND TRY FAILED: call: \n    E" in summary["at_the_third_try"]
    assert summary["at_the_third_try"].count("too early") == 2
    assert summary["at_the_third_try"].rstrip().endswith("  THIRD TRY passed")
    assert summary["never"].count("E       assert not 1") == 3
    assert "  THIRD TRY FAILED: " in summary["never"]


def test_a_third_try_is_for_few(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Many that fail alone, too, are no accident."""
    tests: dict[str, list[str]] = {
        f"{n}.py::test": ["call: once"] for n in range(run_tests.MOST_THIRD_TRIES + 1)
    }
    monkeypatch.setattr(run_tests, "alone", lambda tests: (1, {test: ["again"] for test in tests}))

    assert run_tests.try_again(tests) == 1
    assert "third try" not in capsys.readouterr().out
    assert tests["0.py::test"] == ["call: once", "SECOND TRY FAILED: again"]


def test_what_a_file_shares_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixture that fails does so for each of its tests; they are tried again in one process."""
    tests: dict[str, list[str]] = {f"a.py::test_{n}": ["setup: once"] for n in range(50)}
    tried: list[list[str]] = []
    monkeypatch.setattr(run_tests, "alone", lambda tests: (tried.append(tests) or 0, {}))

    assert run_tests.try_again(tests) == 0
    assert tried == [list(tests)]
    assert tests["a.py::test_49"] == ["setup: once", "SECOND TRY passed"]


def test_a_try_that_does_not_come_to_its_end_is_a_failure(tmp_path: Path) -> None:
    """A process that dies has passed nothing."""
    (tmp_path / "test_it.py").write_text("import os\ndef test(): os._exit(3)\n")
    test = f"{tmp_path / 'test_it.py'}::test"

    assert run_tests.alone([test]) == (3, {test: ["pytest ended with status 3"]})


def test_the_reason_is_what_pytest_marks() -> None:
    """The lines of the error, not of the source; without any the last lines that there are."""
    assert failures.reasons("def test():\n>   assert x\nE   assert 1 == 2\n\nfile.py:3") == (
        "\n    E   assert 1 == 2"
    )
    assert failures.reasons("worker 'gw1' crashed\n") == "\n    worker 'gw1' crashed"


def test_many_failures_are_no_accident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With more failures than an accident explains nothing is run again."""

    def main(arguments: list[str], plugins: list[failures.Failures]) -> int:
        many = range(run_tests.MOST_SECOND_TRIES + 1)
        plugins[0].tests |= {f"{n}.py::test": ["call: because"] for n in many}
        return 1

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_tests.pytest, "main", main)
    monkeypatch.setattr(run_tests, "alone", lambda test: pytest.fail("another try"))

    assert run_tests.main([]) == 1
    output = capsys.readouterr().out
    assert "TRY" not in output
    assert "\n0.py::test\n  call: because\n" in output


@pytest.mark.timeout(RUN_TIMEOUT + 60)
def test_with_arguments_it_is_pytest(tmp_path: Path) -> None:
    """Who names the tests gets one process and no second try."""
    done = run(tmp_path, "-k", "second_try")

    assert done.returncode == 1
    assert "SECOND TRY" not in done.stdout
