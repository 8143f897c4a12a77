"""A filter on somebody else's handler drops nothing of ours."""

from __future__ import annotations

from support.cases import line

LINES = [line("order taken"), line("health check")]
#: What the filter puts on the record is there or not: it may run before us or after.
MORE_EXTRAS = True
