"""A report of ``logging`` about an error of its own is one line at ERROR."""

from __future__ import annotations

import re

from support.cases import line

LINES = [
    line("running low", logger="shop"),
    line("[17] running low", logger="shop"),
    *[line(re.compile("^--- Logging error ---"), "ERROR", "logging", error=None)] * 2,
]


def check(seen):
    """The report is whole."""
    for found in seen.function:
        if found.logger == "logging":
            assert "KeyError: 'order'" in found.message
            assert "Call stack:" in found.message
