"""structlog's own keys are columns, its machinery is not."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("order taken", logger="shop", order=17),
    line("could not divide", "ERROR", "shop", error="ZeroDivisionError", order=18),
]
MORE_EXTRAS = True


def check(seen):
    """Neither ``_logger`` nor ``_name``, nor the whole event as text."""
    for found in seen.function:
        assert not [name for name in found.extras if name.startswith("_")]
