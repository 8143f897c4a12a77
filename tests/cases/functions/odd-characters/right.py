"""What cannot be encoded is replaced, and raises where it raised without us."""

from __future__ import annotations

from support.cases import line, printed

LINES = [
    line("half \ufffd pair", logger="shop", half="\ufffd"),
    printed("half \ufffd"),
    line("grün \U0001f600 \x1b[31mred\x1b[0m", logger="shop"),
    line("\u2028 separators \x85", logger="shop"),
]
