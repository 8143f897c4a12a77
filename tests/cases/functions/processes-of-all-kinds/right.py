"""Each line of each child once, under the invocation that forked it."""

from __future__ import annotations

from support.cases import line, printed

LINES = [
    *(line(f"child {n}", logger="shop") for n in (1, 2, 3)),
    *(printed(f"child prints {n}") for n in (1, 2, 3)),
    line("done", logger="shop"),
]
SAME_OUTPUT = False  # children write when they like
