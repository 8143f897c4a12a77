"""A config that is applied in the handler is as good as one in Init."""

from __future__ import annotations

from support.cases import line

LINES = [
    found
    for during in (1, 2)
    for found in (
        line("order taken", logger="shop", during=during, order=17),
        line("could not divide", "ERROR", "shop", during=during, error="ZeroDivisionError"),
    )
]
