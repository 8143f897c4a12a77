from __future__ import annotations

import pytest

from firehose_logging import FlushResult


@pytest.mark.parametrize(
    ("pending", "lost", "true"), [(0, {}, True), (1, {}, False), (0, {"refused": 1}, False)]
)
def test_true_when_everything_has_arrived(pending, lost, true):
    """Neither pending nor lost lines are an arrival."""
    assert bool(FlushResult(3, pending, lost)) is true
