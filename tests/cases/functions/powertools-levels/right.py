"""Powertools' records with level, logger, extras, and what its formatter adds."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("order taken", logger="shop", order=17, service="shop"),
    line("running low", "WARNING", "shop", service="shop"),
    line("could not divide", "ERROR", "shop", error="ZeroDivisionError", service="shop"),
]
MORE_EXTRAS = True
