"""``flush()`` is true when all that was accepted before the call has arrived."""

from __future__ import annotations

from support.cases import printed

LINES = [printed("a line", during=during) for during in range(1, 7)]


def check(seen):
    """True each time."""
    assert [answer.payload[0] for answer in seen.run.answers] == [True] * 6
