"""What went elsewhere is no line; what is printed afterwards is."""

from __future__ import annotations

from support.cases import printed

LINES = [printed("back"), printed("said to the first stream")]
