"""The environment as it was when the process started decides."""

from __future__ import annotations

from support.cases import line

LINES = [line("a line", "WARNING", during=during) for during in (1, 2)]
