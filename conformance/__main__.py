"""Run every test with the marker ``conformance``, whole, and write docs/conformance.md.

    python -m conformance [--no-write | --compatibility] [PYTEST ARGUMENT ...]

With ``--compatibility`` only what docs/compatibility.md tells is run and written: libraries, web
services, durable functions and the functions of tests/cases.

It runs in several processes, with ``-n0`` in one. What failed is run once more, one by one, when
everything else is done, to tell accidents of a busy machine from
rules that are broken; the page tells what passed only then. It is written after a run of everything
only: with arguments for pytest it stays as it is.

Exit status: 0, or 1 when a test failed twice, or pytest's own.
"""

from __future__ import annotations

import os
import sys
import time

import pytest

from conformance import page
from conformance.recorder import Recorder

#: Where the tests of docs/compatibility.md are.
COMPATIBILITY = (
    "tests/e2e/test_libraries.py",
    "tests/e2e/test_neighbours_libraries.py",
    "tests/e2e/test_web_adapter.py",
    "tests/e2e/test_durable.py",
    "tests/e2e/test_descriptors.py",
    "tests/cases",
)

#: With every run.
PYTEST = ("-p", "no:cacheprovider", "-p", "conformance.places")
#: More failures than these are no accident.
MOST_SECOND_TRIES = 10


def main(arguments: list[str]) -> int:
    """Run, write, tell; return the exit status."""
    os.chdir(page.ROOT)
    alone = "--compatibility" in arguments
    if not alone:
        os.environ["CONFORMANCE"] = "1"
    chosen = [word for word in arguments if word not in ("--no-write", "--compatibility")]
    if alone:
        chosen = [*COMPATIBILITY, *chosen]
    recorder = Recorder()
    commit = page.commit()  # before the run, which takes so long that there may be another after it
    start = time.monotonic()
    # Most tests wait for processes and deadlines: one more process than there are processors.
    workers = str(len(os.sched_getaffinity(0)) + 1)
    together = () if any(word.startswith("-n") for word in chosen) else ("-n", workers)
    status = pytest.main(
        [*PYTEST, "-m", "conformance", *together, "--dist", "loadgroup", *chosen],
        plugins=[recorder],
    )
    if recorder.complete and 0 < len(recorder.failed) <= MOST_SECOND_TRIES:
        again = Recorder()
        status = pytest.main([*PYTEST, *recorder.failed], plugins=[again])
        if again.complete:
            recorder.take_second_tries(again)
    seconds = time.monotonic() - start
    if recorder.complete and alone:
        page.write_compatibility(recorder, commit)
    elif recorder.complete and not arguments:
        page.write(recorder, seconds, commit)
        sys.stdout.write(f"{page.PAGE.relative_to(page.ROOT)} is written\n")
    for place in recorder.tables.failures:
        sys.stdout.write(f"FAILED {' / '.join(part for part in place if part)}\n")
    if not arguments:
        for place in recorder.tables.unanswered:
            sys.stdout.write(f"no test, no reason: {' / '.join(p for p in place if p)}\n")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
