"""As without us, nothing hangs, and what comes after arrives."""

from __future__ import annotations

LINES = None
SAME_OUTPUT = False


def check(seen):
    """The lines after them, once each, in order."""
    said = [found.message for found in seen.function]
    assert [text for text in said if text in ("extra", "and on")] == ["extra", "and on"]
