"""Run the tests in several processes, and again, one by one, what failed.

    python -m tools.run_tests [PYTEST ARGUMENT ...]
    python -m tools.run_tests --coverage

Environments are real processes with real deadlines: on a machine that is busy with something else
one may miss its own. A second try, alone, tells such an accident from a fault, and a third one
where few failed twice. At the end stands each test that did not pass at once, which try it passed
at, and why it failed, so that no accident goes unseen. What fails whenever it is run fails the
run. More than a few failures are no accident and are not tried again.

The tests that measure the package's coverage come first (``tools/measured.py``), then all others;
at the end stands the figure. With ``--coverage`` it is those that measure alone. With other
arguments it is pytest with these arguments, in one process, and nothing is tried again.

Exit status: 0 when every test passed, at the third try at the latest, and enough of the package
is covered; else pytest's own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tools.measurement import Measurement

#: More failures than these are no accident: in all processes at once, and of one alone.
MOST_SECOND_TRIES = 10
MOST_THIRD_TRIES = 3
#: Lines that say why a test failed. The rest stands further up.
MOST_LINES = 12
LINE_WIDTH = 300


class Failures:
    """A pytest plugin that keeps which tests failed, in all processes, and why."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed, in its set-up and tear-down too."""
        if report.failed:
            why = reasons(report.longreprtext)
            self.tests.setdefault(report.nodeid, []).append(f"{report.when}: {why}")


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
    covered = status > pytest.ExitCode.TESTS_FAILED or measurement.tell()
    summarize(tests)
    return status if covered else max(status, int(pytest.ExitCode.TESTS_FAILED))


def several(failures: Failures, *arguments: str) -> int:
    """Run tests in several processes; pytest's exit status."""
    # Most tests wait for processes and deadlines: one more process than there are processors.
    workers = len(os.sched_getaffinity(0)) + 1
    how = ["-q", "-n", str(workers), "--dist", "loadgroup", "-p", "tools.measured", *arguments]
    status = int(pytest.main(how, plugins=[failures]))
    return 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else status


def try_again(tests: dict[str, list[str]]) -> int:
    """Run tests one by one, adding to ``tests`` why one failed again; the worst exit status."""
    left, status = list(tests), 0
    for name, most in (("SECOND", len(left)), ("THIRD", MOST_THIRD_TRIES)):
        if not 0 < len(left) <= most:
            break
        print(f"\n{len(left)} failed. A {name.lower()} try, one by one:", flush=True)
        status, failed = 0, []
        for test in left:
            code, why = alone(test)
            status = max(status, code)
            tests[test].append(f"{name} TRY {f'FAILED: {why}' if code else 'passed'}")
            if code:
                failed.append(test)
        left = failed
    return status


def alone(test: str) -> tuple[int, str]:
    """Run one test in a process of its own; pytest's exit status, and why it failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        errors="replace",
    )  # fmt: skip
    print(done.stdout, flush=True)
    return done.returncode, reasons(done.stdout)


def reasons(text: str) -> str:
    """Of a failure's text the lines that say why: what pytest marks so, else the last ones."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith("E ")]
    chosen = (marked or lines[-MOST_LINES:])[:MOST_LINES]
    return "".join(f"\n    {line[:LINE_WIDTH]}" for line in chosen)


def summarize(tests: dict[str, list[str]]) -> None:
    """Print which tests did not pass at once, and why: the end of a log is what is kept of it."""
    if not tests:
        return
    print(f"\n{len(tests)} did not pass at the first try:")
    for test, tries in tests.items():
        print(f"\n{test}")
        for each in tries:
            print(f"  {each}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
