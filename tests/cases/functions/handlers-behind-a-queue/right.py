"""Once each, whatever brings it a second time; what only the handler gets is not lost."""

from __future__ import annotations

from support.cases import line

LINES = [
    found
    for n in (1, 2)
    for found in (
        line(f"through a queue {n}", logger="queued", during=n, order=n),
        line("error behind a queue", "ERROR", "queued", during=n, error="ZeroDivisionError"),
        line(f"through a buffer {n}", logger="buffered", during=n),
        line("buffered", "WARNING", "buffered", during=n),
        line("made", logger="by hand", during=n),
    )
]
