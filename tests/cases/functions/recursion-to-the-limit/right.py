"""What was logged before the limit arrives, and what comes after it."""

from __future__ import annotations

#: The deeper our own frames go, the fewer of its own fit.
SAME_ANSWERS = SAME_OUTPUT = False
LINES = None


def check(seen):
    """Every depth that was logged, once; the error; the end."""
    said = [found.message for found in seen.function]
    logged = seen.run.answers[0].payload
    depths = [text for text in said if text.startswith("depth")]
    assert depths[:logged] == [f"depth {n}" for n in range(logged)]
    assert len(depths) <= logged + 1
    assert said[-2:] == ["too deep", "all done"]
    assert seen.function[-2].error == "RecursionError"
