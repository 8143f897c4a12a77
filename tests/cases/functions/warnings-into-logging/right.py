"""A warning that logging takes is one line; an adapter's keys are columns."""

from __future__ import annotations

import re

from support.cases import line

LINES = [
    line(re.compile("UserWarning: still old"), "WARNING", "py.warnings"),
    line("adapted text", logger="shop", order=7),
    line("helped", logger="shop"),
]
