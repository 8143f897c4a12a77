"""Bytes that are written to standard output are lines; JSON is read."""

from __future__ import annotations

from support.cases import line

FAILS = "only text that goes through sys.stdout and sys.stderr is captured"
LINES = [
    line("order taken", logger="stdout", order=17),
    line("order lost", "ERROR", "stdout", order=18),
]
