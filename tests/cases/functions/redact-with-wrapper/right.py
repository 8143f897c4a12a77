"""A hook that is given in code holds beside the wrapper."""

from __future__ import annotations

from support.cases import line

FAILS = "the hook is ignored"
LINES = [line("login", logger="shop")]
