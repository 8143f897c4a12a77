"""``flush()`` never waits for its own thread."""

from __future__ import annotations

LINES = None
TOLD = True
SLOW = True


def check(seen):
    """Sixty calls have returned, and every line is there."""
    answer = seen.run.answers[0].payload
    assert answer["calls"] == 60
    assert [found.message for found in seen.function] == ["line"] * answer["lines"]
