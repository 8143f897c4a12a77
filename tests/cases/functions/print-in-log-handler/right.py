"""What a handler prints of its own is a print."""

from __future__ import annotations

from support.cases import line, printed

LINES = [
    line("order taken", logger="shop"),
    line("[order 17] taken", logger="shop"),
    line({"order": 17}, logger="shop"),
    line("", "ERROR", "shop"),
    *[printed("posted to the chat as number 17")] * 4,
]
