"""A hook that is given in code holds beside the wrapper."""

from __future__ import annotations

from support.cases import line

LINES = [line("login", logger="shop")]
