"""What a record says of itself is what arrives."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("login with password=***", logger="shop"),
    line("login of amy with password=***", logger="shop"),
    line("order 17 of amy", logger="shop"),
]
