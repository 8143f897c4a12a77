"""What a ``__repr__`` raises while we make a line does not end the runtime."""

from __future__ import annotations

from unittest.mock import ANY

from support.cases import line

LINES = [line("started", logger="user", during=during, job=ANY) for during in (1, 2)]
ANSWERS = ["ok", "ok"]
