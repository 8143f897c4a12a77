"""Each of the ways in which a function says something, so many times over, timed from inside."""

import logging
import sys
import threading
import time
import warnings

logger = logging.getLogger("bench")
logger.setLevel(logging.INFO)
warnings.simplefilter("always")

THREADS = 8


def log(calls, who="bob"):
    """A record with two arguments and two extras."""
    for number in range(calls):
        logger.info("order %s for %s", number, who, extra={"customer": "c-42", "n": 3})


def say(calls):
    """A print of one short line."""
    for _ in range(calls):
        print("order 17 is packed")


def error_stream(calls):
    """A line for standard error."""
    for _ in range(calls):
        sys.stderr.write("order 17 is late\n")


def warn(calls, text="order 17 is old"):
    """A warning that is shown each time."""
    for _ in range(calls):
        warnings.warn(text, stacklevel=1)


def fail(calls):
    """An error with its stack."""
    for number in range(calls):
        try:
            raise KeyError(number)
        except KeyError:
            logger.exception("order 17 is lost")


STEPS = {
    "log call, two extras": (log, "for bob"),
    "print": (say, "order 17 is packed"),
    "stderr": (error_stream, "order 17 is late"),
    "warning": (warn, "order 17 is old"),
    "exception": (fail, "order 17 is lost"),
}
TOGETHER = "log call, 8 threads"


def handler(event, context):
    """Do ``event["step"]`` ``event["calls"]`` times; microseconds a call, and what a line says."""
    del context
    calls = event["calls"]
    if event["step"] == TOGETHER:
        return {"mark": "for eve", **together(calls)}
    step, mark = STEPS[event["step"]]
    wall, cpu = time.perf_counter(), time.thread_time()
    step(calls)
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    return {"mark": mark, "cpu": cpu / calls * 1e6, "wall": wall / calls * 1e6}


def together(calls):
    """The log call from eight threads at once; CPU is that of the whole process."""
    ready = threading.Barrier(THREADS + 1)

    def work():
        ready.wait()
        log(calls // THREADS, "eve")

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    wall, cpu = time.perf_counter(), time.process_time()
    ready.wait()
    for thread in threads:
        thread.join()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu / calls * 1e6, "wall": wall / calls * 1e6}
