"""Delivered without a thread, or told."""

from __future__ import annotations

LINES = None
TOLD = True


def check(seen):
    """Every line, or a word about those that are not there.

    From Python 3.12 on the runtime client itself needs a thread; what it ends with arrives.
    """
    wanted = {f"{word} {n}" for word in ("line", "printed") for n in (1, 2, 3)}
    said = {found.message for found in seen.function}
    ended = {found.error for found in seen.function} == {"FaultException"}
    assert said == wanted or seen.told("thread") or ended
