from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._nearest import distance, nearest

WORDS = st.text(alphabet="ABC", max_size=6)


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [
        ("", "", 0),
        ("FLUSH", "FLUSH", 0),
        ("FLSUH", "FLUSH", 1),
        ("FLUS", "FLUSH", 1),
        ("FLUUSH", "FLUSH", 1),
        ("FLASH", "FLUSH", 1),
        ("", "FLUSH", 5),
        ("kitten", "sitting", 3),
    ],
)
def test_distance(one, other, changes):
    """Letters put in, taken out, changed or swapped with their neighbour count one each."""
    assert distance(one, other) == distance(other, one) == changes


@given(WORDS, WORDS)
def test_distance_is_zero_for_the_same_text_only(one, other):
    """Texts that differ are apart, by the letters of the longer one at most."""
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


def test_nearest():
    """The name that takes the fewest changes is found; of two as near, the first."""
    assert nearest("LEVLE", ["FLUSH", "LEVELS", "LEVEL"]) == "LEVEL"
    assert nearest("AC", ["AB", "AD"]) == "AB"
