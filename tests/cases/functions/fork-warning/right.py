"""A child is forked without a warning of ours."""

from __future__ import annotations

LINES = []
ANSWERS = [17, 17]
