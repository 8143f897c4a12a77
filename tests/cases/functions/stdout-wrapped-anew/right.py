"""A stream made anew over standard output's bytes is captured."""

from __future__ import annotations

from support.cases import printed

FAILS = "only text that goes through sys.stdout and sys.stderr is captured"
LINES = [printed("grün")]
