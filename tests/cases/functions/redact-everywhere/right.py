"""What the hook masks is nowhere in the stream, whichever way it came."""

from __future__ import annotations

import json

LINES = None
SAME_OUTPUT = False


def check(seen):
    """Every way has brought its line, and none the secret."""
    text = "\n".join(map(json.dumps, seen.lines))
    assert "s3cr3t" not in text
    for way in ("record", "alone", "print", "stderr", "bytes", "json", "context", "long"):
        assert f"{way} ***" in text, way
    assert text.count("child ***") == 2
    assert text.count("child prints ***") == 2
    assert "because of ***" in text
    assert "KeyError" in text
