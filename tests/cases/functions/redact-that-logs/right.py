"""What a hook says about a line is not redacted again."""

from __future__ import annotations

from support.cases import line

LINES = [line("masked", logger="user"), line("masked a card line", logger="user")]
