"""Disabled is disabled; what the configuration prints is once a line."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("not disabled yet", logger="before"),
    *(line("order", logger="shop", during=during, order=7) for during in (1, 2)),
    line("to the root", "WARNING", "other"),
]
