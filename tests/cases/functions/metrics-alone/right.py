"""Only embedded-metric lines go to the runtime's own output."""

from __future__ import annotations

import json

LINES = None
SAME_OUTPUT = False


def check(seen):
    """Two metric lines in the output and in the bucket, the record in the bucket only."""
    said = [json.loads(text) for texts in seen.run.output.values() for text in texts]
    assert len(said) == 2
    assert all("_aws" in each for each in said)
    assert sum("_aws" in found for found in seen.lines) == 2
    assert [found.message for found in seen.function if found.logger == "shop"] == ["order taken"]
