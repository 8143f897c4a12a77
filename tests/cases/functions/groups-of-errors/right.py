"""``stackTrace`` holds all that ``log.exception`` would have shown."""

from __future__ import annotations

LINES = None
SAME_OUTPUT = True


def check(seen):
    """The group, each member with its cause and its note."""
    (found,) = [found for found in seen.lines if found.get("errorType")]
    assert (found["errorType"], found["level"]) == ("ExceptionGroup", "ERROR")
    text = "\n".join(found["stackTrace"])
    for part in ("member 1", "member 2", "note 1", "note 2", "note of the group"):
        assert part in text, part
    assert text.count("direct cause") == 2
    assert "bootstrap.py" not in text
