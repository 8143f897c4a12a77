"""A time limit by SIGALRM is kept 200 times of 200, and our state stays whole."""

from __future__ import annotations

ANSWERS = ["200 of 200 limits kept"]
SAME_OUTPUT = False  # as many lines as there is time for
LINES = None
#: What an exception broke off may be told as lost.
TOLD = True


def check(seen):
    """Nothing but the function's own lines, and it goes on afterwards."""
    said = [found.message for found in seen.function]
    # One that the signal broke off may come as late as the invocation's end, under its own time.
    assert said.count("all done") == 1
    assert set(said) == {"a line of the work", "all done"}
