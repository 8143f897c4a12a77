"""No two keys of a line differ in case only: SQL engines ignore it."""

from __future__ import annotations

import json

LINES = None


def check(seen):
    """Both lines, with all values somewhere."""
    assert [found.message for found in seen.function] == ["mail sent", "user seen"]
    for found in seen.lines:
        names = [name.lower() for name in found]
        assert len(names) == len(set(names)), found
    text = json.dumps(seen.lines)
    for value in ('"hello"', '"mail"', '"r-1"', '"u17"', "17"):
        assert value in text
