"""A child is forked without a warning of ours.

The runtime client itself has a second thread now and then, for a moment: with us and without.
"""

from __future__ import annotations

SAME_OUTPUT = False
LINES = None
ANSWERS = [17, 17, 17]


def check(seen):
    """Ours would be warned of at every fork."""
    assert len(seen.function) < 2, [line.message for line in seen.function]
