"""Levels have their names, without colours; the user's own keep theirs."""

from __future__ import annotations

from support.cases import line

LINES = [line("running low", "WARNING"), line("wrong", "ERROR"), line("no name", "Level 35")]
