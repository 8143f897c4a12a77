"""What is given in code holds from that call on; what cannot change is told, and stays."""

from __future__ import annotations

import json

LINES = None
TOLD = True
SAME_OUTPUT = False


def check(seen):
    """Columns, schema, level and passthrough; stream and compression are told."""
    said = {found["message"]: found for found in seen.lines if found["type"] == "function"}
    assert set(said) == {"before", "after", "printed"}
    assert said["before"]["order"] == 1
    assert "service" not in said["before"]
    assert said["after"]["service"] == said["printed"]["service"] == "shop"
    assert json.loads(said["after"]["extra"]) == {"order": 2}
    assert not [text for texts in seen.run.output.values() for text in texts if "printed" in text]
    assert seen.told("stream_names", "compression", "cannot change")
    assert [found["code"] for found in seen.lines if "code" in found] == ["setting_kept"]
