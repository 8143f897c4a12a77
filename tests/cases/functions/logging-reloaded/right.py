"""A logging module that was loaded anew is captured like the first one."""

from __future__ import annotations

from support.cases import line

LINES = [
    found
    for during in (1, 2)
    for found in (
        line("order taken", logger="shop", during=during, order=17),
        line("running low", "ERROR", "shop", during=during),
    )
]
