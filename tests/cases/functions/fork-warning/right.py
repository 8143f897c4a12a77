"""A child is forked without a warning of ours."""

from __future__ import annotations

FAILS = "a child is forked beside a thread that threading knows"
SOMETIMES = True
LINES = []
ANSWERS = [17, 17]
