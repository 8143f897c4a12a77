"""What is said with the context's own method arrives too."""

from __future__ import annotations

from support.cases import line, printed

LINES = [
    line("said with context.log", logger=None),
    printed("said with print"),
    line("said with logging", "WARNING"),
]
