"""A stream made anew over standard output's bytes is captured."""

from __future__ import annotations

from support.cases import printed

LINES = [printed("grün")]
