"""A function that eventlet has patched runs as without us; every line arrives."""

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
#: On these Pythons eventlet logs that a lock was not greened, as it does without us.
FAILS_ON = ("3.14", "3.15")
FAILS = "eventlet itself says that it could not patch a lock"
SOMETIMES = True
