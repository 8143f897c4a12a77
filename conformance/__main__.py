"""Run every test with the marker ``conformance``, whole, and write docs/conformance.md.

    python -m conformance [--no-write] [PYTEST ARGUMENT ...]

What failed is run once more when everything else is done, to tell accidents of a busy machine from
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

#: More failures than these are no accident.
MOST_SECOND_TRIES = 10


def main(arguments: list[str]) -> int:
    """Run, write, tell; return the exit status."""
    os.environ["CONFORMANCE"] = "1"
    os.chdir(page.ROOT)
    chosen = [argument for argument in arguments if argument != "--no-write"]
    recorder = Recorder()
    start = time.monotonic()
    status = pytest.main(
        ["-m", "conformance", "-p", "no:cacheprovider", *chosen], plugins=[recorder]
    )
    if recorder.complete and 0 < len(recorder.failed) <= MOST_SECOND_TRIES:
        again = Recorder()
        status = pytest.main(["-p", "no:cacheprovider", *recorder.failed], plugins=[again])
        if again.complete:
            recorder.take_second_tries(again)
    seconds = time.monotonic() - start
    if recorder.complete and not arguments:
        page.write(recorder, seconds)
        sys.stdout.write(f"{page.PAGE.relative_to(page.ROOT)} is written\n")
    for place in recorder.tables.failures:
        sys.stdout.write(f"FAILED {' / '.join(part for part in place if part)}\n")
    if not arguments:
        for place in recorder.tables.unanswered:
            sys.stdout.write(f"no test, no reason: {' / '.join(p for p in place if p)}\n")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
