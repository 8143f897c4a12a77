"""Each line once, before and after."""

from __future__ import annotations

from support.cases import printed

LINES = [
    printed(text, during=during)
    for during in (1, 2)
    for text in ("after reconfigure, grün", "on the new layer", "bytes below it")
]
