"""The parts of a start are those that the wrapper goes through."""

from __future__ import annotations

import pytest

from benchmarks import start_parts
from support import e2e_lambda


@pytest.mark.e2e
def test_every_part_is_measured() -> None:
    """Reading, unmarshalling, running and installing each take time, and the start succeeds."""
    found = start_parts.measure(e2e_lambda.layer(), rounds=1)

    assert list(found) == ["read", "unmarshal", "modules", "install"]
    assert all(taken >= 0 for taken in found.values())
