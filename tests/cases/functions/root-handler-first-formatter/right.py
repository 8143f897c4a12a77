"""The runtime's own handler is still the first."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("order taken", logger="shop", order=17),
    line("could not divide", "ERROR", "shop", error="ZeroDivisionError", order=18),
]
