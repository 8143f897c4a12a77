"""An argument's text is made as often as without us, and its prints arrive."""

from __future__ import annotations

from support.cases import line, printed

LINES = [line("order Lazy(17) taken", logger="shop"), printed("loading from the database")]
