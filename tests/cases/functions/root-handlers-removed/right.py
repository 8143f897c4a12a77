"""Nothing of ours is in ``root.handlers``; what arrives follows the loggers' levels."""

from __future__ import annotations

from support.cases import line

LINES = [
    found
    for during in (1, 2)
    for found in (
        line("a debug line", "DEBUG", during=during),
        line("an info line", during=during),
        line("an error line", "ERROR", during=during),
    )
]
