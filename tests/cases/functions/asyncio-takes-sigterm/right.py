"""Every line at SIGTERM, though asyncio put it back to its default."""

from __future__ import annotations

from support.cases import line

LINES = [
    line(f"{where} {n}", logger="user", during=n + 1)
    for n in range(3)
    for where in ("in loop", "after")
]
