"""A root handler's formatter is the runtime's, not ours."""

from __future__ import annotations

from support.cases import line

LINES = [line("order taken")]
