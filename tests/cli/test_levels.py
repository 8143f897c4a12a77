"""Levels in order."""

from __future__ import annotations

import pytest

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.levels import COLOURS, LEVELS, at_least


@pytest.mark.parametrize(
    ("level", "first"),
    [("debug", "DEBUG"), ("WARN", "WARNING"), ("error", "ERROR"), ("FATAL", "CRITICAL")],
)
def test_from_a_level_on(level, first):
    """A level, in any case and by Lambda's names too, stands for itself and all above it."""
    found = at_least(level)

    assert found[0] == first
    assert found[-1] == "CRITICAL"
    assert set(found) <= set(LEVELS) == set(COLOURS)


def test_no_such_level():
    """The message has the value and what is allowed."""
    with pytest.raises(CommandError, match="--level LOUD: one of DEBUG, INFO"):
        at_least("LOUD")
