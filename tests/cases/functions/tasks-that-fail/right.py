"""Every line in its invocation; an error that nobody fetched is one line of asyncio's."""

from __future__ import annotations

import re

from support.cases import line, printed

LINES = [
    found
    for during in (1, 2)
    for found in (
        *(line(f"part {n}", logger="shop", during=during) for n in range(3)),
        line(
            re.compile("Task exception was never retrieved"),
            "ERROR",
            "asyncio",
            during=during,
            error="KeyError",
        ),
        line("from a thread", logger="shop", during=during),
        printed("done", during=during),
    )
]
SAME_OUTPUT = False  # an address is in it
