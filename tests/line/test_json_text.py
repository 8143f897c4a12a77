from __future__ import annotations

import decimal
import enum
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firehose_logging._line import json_text
from firehose_logging._line.json_text import dumps, quote, to_bytes
from tools.strategies import Unprintable, texts, values


def strict(text: str) -> object:
    """Parse as readers do that know no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(to_bytes(text), parse_constant=refuse)


@settings(max_examples=300, deadline=None)
@given(values)
def test_every_value_is_valid_json(value):
    """Whatever is logged: strict JSON on one line, never an exception."""
    text = dumps(value)

    assert "\n" not in text
    strict(text)


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-10**15, 10**15) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
))  # fmt: skip
def test_plain_values_come_back(value):
    """What JSON can hold is kept exactly."""
    assert strict(dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (math.nan, None),
        (-math.inf, None),
        ([math.inf, 1.5], [None, 1.5]),
        ((1, 2), [1, 2]),
        ({1: "a", None: "b", 2.5: "c"}, {"1": "a", "null": "b", "2.5": "c"}),
        ({True: math.nan, None: 1, (1, 2): 2}, {"true": None, "null": 1, "(1, 2)": 2}),
        (decimal.Decimal("NaN"), None),
        (object, "<class 'object'>"),
        (enum.IntEnum("Number", "one")(1), 1),
        (Unprintable(), "<unprintable Unprintable object>"),
        ([Unprintable(), math.nan], ["<unprintable Unprintable object>", None]),
        ("a\x00\n\x1b", "a\x00\n\x1b"),
    ],
)
def test_what_json_cannot_hold_becomes_its_text(value, kept):
    """Odd values become their str, alone or inside of others."""
    assert strict(dumps(value)) == kept


def test_enormous_number_is_kept_as_text():
    """A number over the interpreter's own digit limit is written as hexadecimal text."""
    assert strict(dumps([1 << 20_000]))[0] == hex(1 << 20_000)
    assert strict(dumps(1 << 20_000)) == hex(1 << 20_000)


def test_wide_values_are_not_taken_for_deep_ones():
    """Many brackets side by side, or inside of text, are no depth."""
    value = {"list": [[] for _ in range(1_000)], "text": "[" * 1_000}

    assert strict(dumps(value)) == value


def test_no_spaces():
    """Bytes are billed: nothing stands between values that need not."""
    assert dumps({"a": [1, {"b": None}]}) == '{"a":[1,{"b":null}]}'
    assert dumps({"a": [1, {"b": math.nan}]}) == '{"a":[1,{"b":null}]}'


def test_without_the_c_encoder(monkeypatch):
    """An interpreter without the C encoder writes the same."""
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    encode = json_text._make_encoder()

    assert encode({"é": ["ü", 1.5, None]}) == dumps({"é": ["ü", 1.5, None]})
    with pytest.raises(TypeError):
        encode(object())


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("é", "é".encode()),
        ("\ud83d\ude00", "😀".encode()),
        ("a\ud800b", "a\ufffdb".encode()),
        ("\udc00", "\ufffd".encode()),
        ("\ud800\ud83d\ude00\udfff", "\ufffd😀\ufffd".encode()),
    ],
)
def test_surrogates(text, encoded):
    """True pairs are joined, lone halves become the replacement character."""
    assert to_bytes(text) == encoded


@given(texts)
def test_bytes_are_always_utf8(text):
    """Any text encodes, and text without surrogates exactly."""
    encoded = to_bytes(text)

    assert encoded.decode() is not None
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert encoded == text.encode()


def test_non_ascii_is_not_escaped():
    """Letters beyond ASCII stay letters: fewer billed bytes."""
    assert quote("é") == dumps("é") == '"é"'
    assert dumps({"é": ["ü"]}) == '{"é":["ü"]}'
