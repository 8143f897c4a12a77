"""The formatter's text is the message; every other column stays."""

from __future__ import annotations

import re

from support.cases import line

LINES = [
    line("shop: order taken", logger="shop", order=17, customer="c-42"),
    line(
        re.compile(r"^shop: could not divide\nTraceback [\s\S]*ZeroDivisionError"),
        "ERROR",
        "shop",
        error="ZeroDivisionError",
        order=18,
    ),
]
