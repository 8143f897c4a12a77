"""Threads of ours are not among those that a function can see and join."""

from __future__ import annotations

from support.cases import line

LINES = [line(f"worker {n}", "WARNING", during=during) for during in (1, 2) for n in range(3)]
SAME_OUTPUT = False  # threads say their lines in any order
