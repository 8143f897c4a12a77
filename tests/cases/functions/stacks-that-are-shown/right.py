"""What goes through logging looks as without us, to the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.cases import Seen

LINES = None


def check(seen: Seen) -> None:
    """Both records arrive; the answer shows where a handler is called."""
    texts = [line.message for line in seen.function if line.logger == "shop"]
    assert texts == ["shows where it is", "raises"]
    assert "in callHandlers\n    hdlr.handle(record)\n" in seen.run.answers[0].payload["seen"]
