"""Run the tests in several processes, and once more, one by one, what failed.

    python -m tools.run_tests [PYTEST ARGUMENT ...]
    python -m tools.run_tests --coverage

Environments are real processes with real deadlines: on a machine that is busy with something else
one may miss its own. A second try tells such an accident from a fault, and the output says which
tests passed only then. More than a few failures are no accident and get no second try.

The tests that measure the package's coverage come first (``tools/measured.py``), then all others;
at the end stands the figure. With ``--coverage`` it is those that measure alone. With other
arguments it is pytest with these arguments, in one process, and nothing is tried again.

Exit status: 0 when every test passed, at the second try at the latest, and enough of the package
is covered; else pytest's own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tools.measurement import Measurement

#: More failures than these are no accident.
MOST_SECOND_TRIES = 10


class Failures:
    """A pytest plugin that keeps the ids of the tests that failed, in all processes."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed, in its set-up and tear-down too."""
        if report.failed and report.nodeid not in self.tests:
            self.tests.append(report.nodeid)


def main(arguments: list[str]) -> int:
    """Run, try again, tell; return the exit status."""
    if arguments and arguments != ["--coverage"]:
        return int(pytest.main(arguments))
    failures = Failures()
    measurement = Measurement()
    with measurement:
        status = several(failures, "--measured", "only")
    if not arguments and status <= pytest.ExitCode.TESTS_FAILED:
        status = max(status, several(failures, "--measured", "not"))
    tests = failures.tests
    if status == pytest.ExitCode.TESTS_FAILED and 0 < len(tests) <= MOST_SECOND_TRIES:
        status = try_again(tests)
    if status > pytest.ExitCode.TESTS_FAILED:
        return status
    return status if measurement.tell() else int(pytest.ExitCode.TESTS_FAILED)


def several(failures: Failures, *arguments: str) -> int:
    """Run tests in several processes; pytest's exit status."""
    # Most tests wait for processes and deadlines: one more process than there are processors.
    workers = len(os.sched_getaffinity(0)) + 1
    how = ["-q", "-n", str(workers), "--dist", "loadgroup", "-p", "tools.measured", *arguments]
    status = int(pytest.main(how, plugins=[failures]))
    return 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else status


def try_again(tests: list[str]) -> int:
    """Run tests one by one; the worst exit status."""
    print(f"\n{len(tests)} failed. A second try, one by one:", flush=True)
    again = {test: second_try(test) for test in tests}
    for test, result in again.items():
        print(f"SECOND TRY {'FAILED' if result else 'passed'} {test}")
    return max(again.values())


def second_try(test: str) -> int:
    """Run one test in a process of its own; pytest's exit status."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
