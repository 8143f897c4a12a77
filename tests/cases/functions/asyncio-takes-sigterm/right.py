"""Every line at SIGTERM, though asyncio put it back to its default."""

from __future__ import annotations

from support.cases import line

FAILS = "SIGTERM is ours by a wake-up descriptor and a handler"
LINES = [
    line(f"{where} {n}", logger="user", during=n + 1)
    for n in range(3)
    for where in ("in loop", "after")
]
