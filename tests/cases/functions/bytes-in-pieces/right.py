"""Lines are lines, characters are whole; what is no text has the mark for that."""

from __future__ import annotations

from support.cases import printed

LINES = [
    printed(text)
    for text in (
        *("first line", "second half", "grün 😀", "of a view", "one", "two"),
        *("\ufffd is no text", "without an end \ufffd"),
    )
]
