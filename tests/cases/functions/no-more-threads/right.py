"""Delivered without a thread, or told."""

from __future__ import annotations

LINES = None
TOLD = True


def check(seen):
    """Every line, or a word about those that are not there."""
    wanted = {f"{word} {n}" for word in ("line", "printed") for n in (1, 2, 3)}
    assert {found.message for found in seen.function} == wanted or seen.told("thread")
