"""A line has the id of the invocation in which it was logged."""

from __future__ import annotations

ANSWERS = ["ok"] * 6
LINES = None


def check(seen):
    """500 lines of each invocation, all under its own id."""
    said = [found for found in seen.lines if found.get("logger") == "queued"]
    assert [
        found for found in said if found["message"] != f"said in {found.get('requestId')}"
    ] == []
    assert len(said) == 3_000
