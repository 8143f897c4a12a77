"""Run the tests in several processes, and again, file by file, what failed.

    python -m tools.run_tests [PYTEST ARGUMENT ...]
    python -m tools.run_tests --coverage

Environments are real processes with real deadlines: on a machine that is busy with something else
one may miss its own. A second try, alone, tells such an accident from a fault, and a third one
where few failed twice. At the end stands each test that did not pass at once, which try it passed
at, and why it failed, so that no accident goes unseen. What fails whenever it is run fails the
run. Failures in more than a few files are no accident and are not tried again.

The tests that measure the package's coverage come first (``tools/measured.py``), then all others;
at the end stands the figure. With ``--coverage`` it is those that measure alone. With other
arguments it is pytest with these arguments, in one process, and nothing is tried again.

Exit status: 0 when every test passed, at the third try at the latest, and enough of the package
is covered; else pytest's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools.failures import Failures
from tools.measurement import Measurement

#: Files with failures: more than these are no accident, in all processes at once and alone. What
#: a file's tests share may fail for each of them.
MOST_SECOND_TRIES = 10
MOST_THIRD_TRIES = 3


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
    if status == pytest.ExitCode.TESTS_FAILED and tests:
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
    """Run tests again, adding to ``tests`` what became of them; the last exit status."""
    left, status = by_file(tests), int(pytest.ExitCode.TESTS_FAILED)
    for name, most in (("SECOND", MOST_SECOND_TRIES), ("THIRD", MOST_THIRD_TRIES)):
        if not 0 < len(left) <= most:
            break
        count = sum(map(len, left))
        print(f"\n{count} failed. A {name.lower()} try, one by one:", flush=True)
        status, failed = 0, []
        for together in left:
            code, found = alone(together)
            status = max(status, code)
            for test in together:
                why = found.get(test, [])
                tests[test].append(f"{name} TRY {f'FAILED: {why[0]}' if why else 'passed'}")
                failed += [test] if why else []
        left = by_file(failed)
    return status


def by_file(tests: Iterable[str]) -> list[list[str]]:
    """Tests of one file together, so that what they share is made once."""
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(test.partition("::")[0], []).append(test)
    return list(files.values())


def alone(tests: list[str]) -> tuple[int, dict[str, list[str]]]:
    """Run tests in one process, without others beside it; pytest's exit status, what failed."""
    with tempfile.TemporaryDirectory(prefix="failures-") as folder:
        kept = Path(folder) / "failures.json"
        how = ["-q", "-p", "no:cacheprovider", "-p", "tools.failures", "--failures", str(kept)]
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *how, *tests], check=False
        ).returncode
        found = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    if code and not found:  # it did not come to the tests, or not to its end
        found = {test: [f"pytest ended with status {code}"] for test in tests}
    return code, found


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
