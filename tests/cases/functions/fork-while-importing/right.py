"""A child that is forked while our thread imports botocore can import it too."""

from __future__ import annotations

LINES = None
ANSWERS = ["child done"]


def check(seen):
    """All 801 lines."""
    assert len(seen.function) == 801
