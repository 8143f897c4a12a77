"""Levels keep their names; what factory and filter add are columns."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("noticed 1", "NOTICE", "shop", region="eu-west-1", tenant="t-1"),
    line("told", logger="shop", region="eu-west-1", tenant="t-1"),
]
