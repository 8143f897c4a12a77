"""Once each, and what the patches see is as without us."""

from __future__ import annotations

from support.cases import line

LINES = [
    found
    for n in (1, 2)
    for found in (
        line(f"order {n}", logger="shop", during=n, dd_trace_id="42"),
        line("passed on", "WARNING", "forwarded", during=n, dd_trace_id="42"),
    )
]
