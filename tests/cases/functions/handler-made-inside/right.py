"""Delivered within the invocation, or the message says that lines may be lost."""

from __future__ import annotations

LINES = None
TOLD = True
ANSWERS = ["ok"] * 3


def check(seen):
    """Every line, or a word about it."""
    wanted = ["line 1", "line 2", "line 3"]
    assert [found.message for found in seen.function] == wanted or seen.told("lost")
