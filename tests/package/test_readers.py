from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging import _readers
from firehose_logging.settings import _FIELDS

TEXTS = st.text(max_size=40) | st.text("=,aA1 -_./", max_size=12)
ALL = {field[0]: field[2] for field in _FIELDS}


@pytest.mark.parametrize("field", sorted(ALL))
@given(
    text=st.text(max_size=40) | st.lists(st.sampled_from("=,aA1 -_./"), max_size=12).map("".join)
)
def test_a_reader_gives_a_value_or_says_what_is_allowed(field, text):
    """Whatever a variable holds, its reader ends with a value or a ValueError with words in it."""
    try:
        ended = hash(ALL[field](text))
    except ValueError as error:
        ended = str(error).startswith(("a ", "one of", "on", "1 to", "at most", "each", "TRACE"))

    assert ended is not False


@given(st.dictionaries(st.text("abc.", min_size=1), st.integers(0, 100), max_size=4))
def test_levels_are_read_back(levels):
    """A list of levels written as text and one given in code are the same pairs."""
    text = ",".join(f"{name}={level}" for name, level in levels.items())

    assert _readers.levels(text) == _readers.levels.of(levels.items()) == tuple(levels.items())
