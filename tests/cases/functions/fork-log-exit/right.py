"""What a child logs before ``os._exit`` is delivered by the parent; /tmp is bounded."""

from __future__ import annotations

from support.cases import line

LINES = [line(f"child {n}", logger="user", during=during) for during in (1, 2) for n in range(200)]
SAME_ANSWERS = False  # what stands in /tmp
SLOW = True


def check(seen):
    """A few megabytes at most, where 362 were."""
    for answer in seen.run.answers:
        assert answer.payload[1] < 32_000_000
