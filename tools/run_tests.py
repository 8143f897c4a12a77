"""Run the tests in several processes, and once more, one by one, what failed.

    python -m tools.run_tests [PYTEST ARGUMENT ...]

Environments are real processes with real deadlines: on a machine that is busy with something else
one may miss its own. A second try tells such an accident from a fault, and the output says which
tests passed only then. More than a few failures are no accident and get no second try.

With arguments it is pytest with these arguments, in one process, and nothing is tried again.

Exit status: 0 when every test passed, at the second try at the latest; else pytest's own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
    if arguments:
        return int(pytest.main(arguments))
    failures = Failures()
    # Most tests wait for processes and deadlines: one more process than there are processors.
    workers = len(os.sched_getaffinity(0)) + 1
    status = pytest.main(["-q", "-n", str(workers), "--dist", "loadgroup"], plugins=[failures])
    tests = failures.tests
    if status != pytest.ExitCode.TESTS_FAILED or not 0 < len(tests) <= MOST_SECOND_TRIES:
        return int(status)
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
