"""Metrics that CloudWatch will not see are told."""

from __future__ import annotations

LINES = None
TOLD = True


def check(seen):
    """Both metric lines are whole, the record is there, and somebody says that metrics vanish."""
    assert [found.message for found in seen.function if found.logger == "shop"] == ["order taken"]
    metrics = [found for found in seen.lines if "_aws" in found]
    # ColdStart and our coldStart differ by case only, so the first goes under extra.
    names = {name for found in metrics for name in (*found, *found.get("extra", {}))}
    assert len(metrics) == 2
    assert names >= {"ColdStart", "Orders"}
    assert any("metric" in text.lower() for text in seen.run.told)


SAME_OUTPUT = False
