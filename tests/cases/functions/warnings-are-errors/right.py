"""A process in which every warning is an error runs as without us."""

from __future__ import annotations

from support.cases import printed

LINES = [printed("said", during=during) for during in (1, 2)]
ANSWERS = [["1\n", 7]] * 2
