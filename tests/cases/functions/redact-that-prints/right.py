"""What a hook says about a line is not redacted again."""

from __future__ import annotations

from support.cases import line, printed

LINES = [line("masked", logger="user"), printed("masked a card line")]
