"""The hook holds for ``function`` telemetry; the platform's own events stay as they are."""

from __future__ import annotations

import json

LINES = None
SAME_OUTPUT = False


def check(seen):
    """Both lines arrive masked, and the report whole."""
    text = "\n".join(map(json.dumps, seen.lines))
    assert "s3cr3t" not in text
    assert text.count("record ***") == 1
    assert text.count("print ***") == 1
    reports = [found for found in seen.lines if found["type"] == "platform.report"]
    assert [found["record"]["status"] for found in reports] == ["success"]
