"""The level of somebody else's handler is his; the loggers' levels decide."""

from __future__ import annotations

from support.cases import line

LINES = [line("an info line"), line("an error line", "ERROR")]
