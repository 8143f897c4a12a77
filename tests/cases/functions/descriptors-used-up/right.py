"""The error is told whole, no file had to be opened for that; all arrives when there is room."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("begins", during=1),
    line("no descriptor", "ERROR", during=1, error="OSError", price=12.50),
    line("begins", during=2),
    line("no descriptor", "ERROR", during=2, error="OSError", price=12.50),
    line("mended", during=3),
]
ANSWERS = [True, True, False]
#: Deliveries fail meanwhile.
TOLD = True


def check(seen):
    """With its stack."""
    assert all("in leak" in f["stackTrace"][-1] for f in seen.lines if "errorType" in f)
