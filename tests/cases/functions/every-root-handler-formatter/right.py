"""A formatter on all root handlers takes no column away."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("order taken", logger="shop", order=17),
    line("could not divide", "ERROR", "shop", error="ZeroDivisionError", order=18),
]
#: The keys of the printed JSON.
MORE_EXTRAS = True
