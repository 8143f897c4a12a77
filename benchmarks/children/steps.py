"""One step of a function's life, so many times over, to count what it takes.

python steps.py STEP TIMES COUNTER

COUNTER is ``bytecode`` to have the bytecode instructions of the step counted and printed; or
``none`` where a tool from outside counts. Clocks go forward by the same each time they are read, so
that what is done every so many milliseconds is done every so many lines.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable

Step = Callable[[int], Callable[[], object]]

# C functions, as those whose place they take: what is counted is not what they do.
time.monotonic = itertools.count(time.monotonic(), 2e-5).__next__
time.time = itertools.count(float(int(time.time())), 2e-5).__next__

import logging  # noqa: E402 - sees the clocks above

logger = logging.getLogger("bench")


class Empty(logging.Handler):
    """Does nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        """Nothing."""


def nothing(times: int) -> Callable[[], object]:
    """An interpreter with logging."""
    return lambda: times


def imported(times: int) -> Callable[[], object]:
    """The package is imported."""
    del times
    return lambda: __import__("firehose_logging")


def cold_start(times: int) -> Callable[[], object]:
    """What the wrapper does: hooks, registration, subscription."""
    del times

    def start() -> None:
        import firehose_logging

        firehose_logging.install()

    return start


def log_call(times: int) -> Callable[[], object]:
    """Captured: what the function's thread does for a record with two extras."""
    _installed()
    return lambda: lines(times)


def exception(times: int) -> Callable[[], object]:
    """The same with an error and its stack."""
    _installed()

    def fail() -> None:
        for number in range(times):
            try:
                raise KeyError(number)
            except KeyError:
                logger.exception("failed")

    return fail


def printed(times: int) -> Callable[[], object]:
    """A print, which goes on to the runtime's output."""
    _installed()

    def say() -> None:
        for number in range(times):
            print("line", number)

    return say


def handler(times: int) -> Callable[[], object]:
    """A record through a ``FirehoseHandler``: encoded, journalled, kept."""
    _handler()
    return lambda: lines(times)


def delivery(times: int) -> Callable[[], object]:
    """What comes on top until lines are delivered; a first call has been made before."""
    flush = _handler()
    line(0)
    flush()
    lines(times)
    return flush


def first_delivery(times: int) -> Callable[[], object]:
    """The first line of a process is delivered."""
    flush = _handler()
    line(times)
    return flush


STEPS: dict[str, Step] = {
    "nothing": nothing,
    "import": imported,
    "cold start": cold_start,
    "log call": log_call,
    "exception": exception,
    "print": printed,
    "handler": handler,
    "delivery": delivery,
    "first delivery": first_delivery,
}


def line(number: int) -> None:
    """A usual line."""
    logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})


def lines(times: int) -> None:
    """So many of them."""
    for number in range(times):
        line(number)


def _installed() -> None:
    import firehose_logging

    firehose_logging.install()
    logging.root.addHandler(Empty())


def _handler() -> Callable[[], object]:
    from firehose_logging import FirehoseHandler, flush

    logger.addHandler(FirehoseHandler())
    logger.propagate = False

    def checked() -> None:
        result = flush(60)
        if not result:
            raise SystemExit(f"not all was delivered: {result}")

    return checked


def main(step: str, times: int, counter: str) -> None:
    """Do it, and leave no time to anything else."""
    logger.setLevel(logging.INFO)
    sys.setswitchinterval(10)
    work = STEPS[step](times)
    found = 0
    if counter == "bytecode":
        found = counted(work)
    else:
        work()
    os.write(2, f"{found}\n".encode())
    os._exit(0)


def counted(work: Callable[[], object]) -> int:
    """Bytecode instructions that this thread runs."""
    found = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal found
        del argument
        if event == "call":
            frame.f_trace_opcodes = True  # type: ignore[attr-defined]
            frame.f_trace_lines = False  # type: ignore[attr-defined]
        elif event == "opcode":
            found += 1
        return trace

    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(None)
    return found


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
