"""trio has nothing to say about us."""

from __future__ import annotations

from support.cases import line

FAILS = "SIGTERM is ours by a wake-up descriptor and a handler"
LINES = [line("from trio", during=during) for during in (1, 2)]
