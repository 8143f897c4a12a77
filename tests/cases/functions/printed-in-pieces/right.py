"""Each line once, as it looked at its end."""

from __future__ import annotations

from support.cases import printed

LINES = [
    printed("..... done"),
    printed("loading 100 %"),
    printed("ab"),
    printed("one"),
    printed("two"),
    printed("x|y"),
    printed("half and half"),
    printed("nul \0 inside"),
    printed("last without an end"),
]
