from __future__ import annotations

import pytest

from firehose_logging._delivery.outcome import CallOutcome, outcome_of_entries


def test_entries_become_codes():
    """None for stored, the code for what is not; empty codes are none."""
    outcome = outcome_of_entries([{"RecordId": "1"}, {"ErrorCode": "X"}, {"ErrorCode": ""}], 1, [1])

    assert list(outcome.codes or []) == [None, "X", None]
    assert (outcome.sizes, outcome.status) == ([1], 200)
    assert repr(outcome) == "<CallOutcome 2 stored, 1 failed>"


@pytest.mark.parametrize("entries", [None, "x", [1], {}])
def test_anything_else_is_no_answer_to_rely_on(entries):
    """It may have been stored; nobody knows."""
    outcome = outcome_of_entries(entries, 0, None)

    assert (outcome.codes, outcome.error, outcome.maybe_stored) == (None, "BadResponse", True)


def test_counts_that_contradict_are_no_success():
    """A count of failures without a failed entry."""
    assert outcome_of_entries([{}], 1, None).error == "WrongCount"
    assert "WrongCount" in repr(CallOutcome(error="WrongCount"))
