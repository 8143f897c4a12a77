"""What the logger takes arrives, whatever its handlers print; a huge line in parts."""

from __future__ import annotations

LINES = None
SAME_OUTPUT = False  # too long a line to compare


def check(seen):
    """Debug records too, and the parts of the huge line."""
    said = [found.message for found in seen.function]
    assert [text for text in said if "into" in text] == [f"into the file {n}" for n in range(10)]
    assert said.count("both") == 1
    assert "nobody" not in said
    assert "".join(text for text in said if text.startswith("=")) == "=" * 3_000_000
