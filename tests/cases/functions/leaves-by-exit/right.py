"""The lines before the exit arrive; the answer is as without us."""

from __future__ import annotations

LINES = None
FAILS = "Python 3.12 starts no thread once the end has begun: the next process may send lines again"
SOMETIMES, FAILS_ON = True, ("3.12",)


def check(seen):
    """Both lines, once."""
    said = [found.message for found in seen.function]
    assert said.count("before the exit") == 1
    assert said.count("printed before") == 1
