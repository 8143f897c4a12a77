from __future__ import annotations

import pytest

from benchmarks import against
from benchmarks.counts import BYTECODE, ROOT, STEPS, Counter


def test_no_step_is_dearer_than_its_stored_count():
    """What runs in the function's thread takes no more bytecode than benchmarks/counts.json says.

    A change that is worth more stores new counts: python -m benchmarks.against --store.
    """
    known = against.stored().get(against.version())
    if known is None:
        pytest.skip(f"no counts are stored for Python {against.version()}")
    with Counter() as counter:
        now = against.count(counter, ROOT, bytecode=True)

    assert not against.dearer(now, known, against.STORED_TOLERANCE), against.table(
        now, known, against.STORED_TOLERANCE
    )


def test_a_dearer_step_is_named():
    """One that takes more than the tolerance allows, and no other."""
    then = {"print": 100.0, "log call": 100.0, "handler": 100.0}
    now = {"print": 103.0, "log call": 104.0, "handler": 50.0}

    assert against.dearer(now, then, 1.03) == ["log call"]
    assert "| log call | 100 | 104 | 1.040 | dearer |" in against.table(now, then, 1.03)


def test_bytecode_is_counted_of_steps_that_machine_instructions_are_counted_of():
    """No step has a count of one kind alone without being a step."""
    assert set(BYTECODE) <= set(STEPS)
    assert all(set(BYTECODE) == set(steps) for steps in against.stored().values())


def test_a_commit_that_is_not_there_is_an_error():
    """Nothing is compared with nothing."""
    with pytest.raises(SystemExit, match="no such commit"):
        against.tree_of("no-such-commit")
