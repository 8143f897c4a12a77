"""``install()`` after eventlet has patched: no hold, every line."""

from __future__ import annotations

from support.cases import line, printed

LINES = [
    found
    for during in (1, 2, 3)
    for found in (
        *(line(f"worker {n}", logger="shop", during=during) for n in range(3)),
        printed("done", during=during),
    )
]
ANSWERS = [[0, 1, 2]] * 3
