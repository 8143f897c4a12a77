"""A time limit by SIGALRM is kept 200 times of 200, and our state stays whole."""

from __future__ import annotations

FAILS = "an exception in our code leaves our state broken"
SOMETIMES = True
ANSWERS = ["200 of 200 limits kept"]
SAME_OUTPUT = False  # as many lines as there is time for
LINES = None
#: What an exception broke off may be told as lost.
TOLD = True


def check(seen):
    """Nothing but the function's own lines, and it goes on afterwards."""
    said = [found.message for found in seen.function]
    assert said[-1] == "all done"
    assert set(said[:-1]) == {"a line of the work"}
