"""A line has the id of the invocation that it was said for, whichever thread or task says it."""

from __future__ import annotations

LINES = None
#: Threads say their lines in any order.
SAME_OUTPUT = False


def check(seen):
    """Fourteen lines of each invocation, and one that the next one lets go on."""
    said = [found for found in seen.lines if found.get("logger") == "shop"]
    assert [f for f in said if f["message"] != f"said in {f.get('requestId')}"] == []
    assert len(said) == 3 * 14 + 2
