"""trio has nothing to say about us."""

from __future__ import annotations

from support.cases import line

LINES = [line("from trio", during=during) for during in (1, 2)]
