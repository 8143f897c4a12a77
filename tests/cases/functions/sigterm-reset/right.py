"""What waits when SIGTERM comes is delivered, whoever has the signal."""

from __future__ import annotations

from support.cases import line

LINES = [line("line 1"), line("line 2", during=2)]
