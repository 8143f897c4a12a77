"""Bytes that are written to standard output are lines; JSON is read."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("order taken", logger="stdout", order=17),
    line("order lost", "ERROR", "stdout", order=18),
]
