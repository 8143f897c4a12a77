"""Metrics that CloudWatch will not see are told."""

from __future__ import annotations

FAILS = "metrics vanish without a word"
LINES = None
TOLD = True


def check(seen):
    """Both metric lines are whole, the record is there, and somebody says that metrics vanish."""
    assert [found.message for found in seen.function if found.logger == "shop"] == ["order taken"]
    metrics = [found for found in seen.lines if "_aws" in found]
    assert sorted(
        name for found in metrics for name in ("ColdStart", "Orders") if name in found
    ) == [
        "ColdStart",
        "Orders",
    ]
    assert any("metric" in text.lower() for text in seen.run.told)


SAME_OUTPUT = False
