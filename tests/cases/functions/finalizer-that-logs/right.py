"""The process ends as it does without us, at once and without a word."""

from __future__ import annotations

from support.cases import line

LINES = None


def check(seen):
    """What was said before that arrives; what comes last is told where there is still a way."""
    begins = [said for said in seen.function if said.message == "begins"]
    assert begins == [line("begins", logger="client")]
