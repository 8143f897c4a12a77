"""Values of other packages, the real ones, as their users want them in SQL."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import logging
import pathlib
import sys
import time
import types
import typing
import uuid
import warnings
from typing import Any
from unittest import mock

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._line import values as _values
from firehose_logging._line.json_text import dumps

if sys.version_info >= (3, 15):
    pytest.skip("numpy and pydantic have not come to this Python yet", allow_module_level=True)

import numpy as np
import pydantic

UTC = dt.timezone.utc


def kept(value: object) -> Any:
    """A value after its way through a line: the same alone, in a dict and in a list."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    alone = json.loads(dumps(value), parse_constant=refuse)
    assert json.loads(dumps({"a": [value]})) == {"a": [alone]}
    assert json.loads(dumps([{"a": (value,)}])) == [{"a": [alone]}]
    return alone


@dataclasses.dataclass
class Item:
    sku: str
    count: int = 1
    made: typing.ClassVar[int] = 7
    secret: str = dataclasses.field(default="hunter2", repr=False)


@dataclasses.dataclass(frozen=True)
class Slotted:
    __slots__ = ("at", "price")

    at: dt.date
    price: decimal.Decimal


@dataclasses.dataclass(repr=False)
class Masked:
    token: str

    def __repr__(self) -> str:
        return "Masked(***)"


class Colour(enum.Enum):
    RED = 1
    BLUE = ("b", 2)


class Size(str, enum.Enum):
    SMALL = "s"


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


class Point(typing.NamedTuple):
    x: int
    y: float


@attrs.define
class Parcel:
    weight: float
    to: str | None = None
    code: str = attrs.field(default="hunter2", repr=False)
    card: str = attrs.field(default="4111", repr=lambda _: "****")


@attrs.define(slots=False)
class Loose:
    a: int


class Line(pydantic.BaseModel):
    sku: str
    key: str = pydantic.Field(default="hunter2", repr=False)


class Order(pydantic.BaseModel):
    id: int
    price: decimal.Decimal
    at: dt.datetime
    password: pydantic.SecretStr
    lines: list[Line]
    by_name: dict[str, Line]
    first: Line


class Shown(pydantic.BaseModel):
    card: str

    @pydantic.field_serializer("card")
    def _hide(self, _: str) -> str:
        return "****"


ORDER = Order(
    id=1,
    price=decimal.Decimal("2.50"),
    at=dt.datetime(2026, 11, 25, tzinfo=UTC),
    password=pydantic.SecretStr("hunter2"),
    lines=[Line(sku="x")],
    by_name={"y": Line(sku="y")},
    first=Line(sku="z"),
)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.int64(5), 5),
        (np.uint8(255), 255),
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.longdouble(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("é"), "é"),
        (np.bytes_(b"ab"), "ab"),
        (np.complex128(1 + 2j), "(1+2j)"),
        (np.arange(3), [0, 1, 2]),
        (np.array([[1.5, 2.0], [3.0, 4.0]]), [[1.5, 2.0], [3.0, 4.0]]),
        (np.array(7), 7),
        (np.array([{"a": np.int8(1)}], dtype=object), [{"a": 1}]),
        (np.datetime64("2026-11-25T12:00:00.123456789"), "2026-11-25T12:00:00.123456"),
        (np.datetime64("2026-11-25"), "2026-11-25T00:00:00"),
        (np.datetime64("NaT", "s"), "NaT"),
        (np.timedelta64(90, "s"), 90.0),
        (np.array(["2026-11-25"], dtype="M8[ns]"), ["2026-11-25T00:00:00"]),
        (decimal.Decimal("12.50"), 12.5),
        (decimal.Decimal("1E+3"), 1000.0),
        (decimal.Decimal("-0"), 0),
        (decimal.Decimal("1E+999999"), "1E+999999"),
        (fractions.Fraction(1, 4), 0.25),
        (1 + 2j, "(1+2j)"),
        (dt.datetime(2026, 11, 25, 12, tzinfo=UTC), "2026-11-25T12:00:00+00:00"),
        (dt.date(2026, 11, 25), "2026-11-25"),
        (dt.time(12, 30), "12:30:00"),
        (dt.timedelta(minutes=1, milliseconds=500), 60.5),
        (Item("a", 2), {"sku": "a", "count": 2}),
        (Item(Item("b")), {"sku": {"sku": "b", "count": 1}, "count": 1}),
        (
            Slotted(dt.date(2026, 1, 2), decimal.Decimal("0.10")),
            {"at": "2026-01-02", "price": 0.1},
        ),
        (Masked("hunter2"), "Masked(***)"),
        (Item, str(Item)),
        (
            ORDER,
            {
                "id": 1,
                "price": 2.5,
                "at": "2026-11-25T00:00:00+00:00",
                "password": "**********",
                "lines": [{"sku": "x"}],
                "by_name": {"y": {"sku": "y"}},
                "first": {"sku": "z"},
            },
        ),
        (Shown(card="4111"), {"card": "****"}),
        (pydantic.RootModel[list[int]]([1, 2]), [1, 2]),
        (Parcel(1.5), {"weight": 1.5, "to": None, "card": "****"}),
        (Loose(1), {"a": 1}),
        (Point(1, 2.5), {"x": 1, "y": 2.5}),
        (Colour.RED, 1),
        (Colour.BLUE, ["b", 2]),
        (Size.SMALL, "s"),
        (Rights.READ | Rights.WRITE, 3),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({1}), [1]),
        ({1, "a"}, None),
        (b"text", "text"),
        (bytearray(b"\xff\x00"), "/wA="),
        (memoryview(b"a\nb"), "a\nb"),
        (b"\x00", "AA=="),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("/tmp/x"), "/tmp/x"),
        (types.MappingProxyType({"a": {1}}), {"a": [1]}),
        (collections.UserDict(a=1), {"a": 1}),
        (collections.ChainMap({"a": 1}, {"b": 2}), {"b": 2, "a": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (collections.Counter("aa"), {"a": 2}),
        (collections.deque([1, Point(1, 2)]), [1, {"x": 1, "y": 2}]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (range(3), [0, 1, 2]),
        (range(10**12), "range(0, 1000000000000)"),
        (time.gmtime(0), [1970, 1, 1, 0, 0, 0, 3, 1, 0]),
        (KeyError("k"), "'k'"),
        (logging.INFO, 20),
        (10**30, 10**30),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_people_log(value, found):
    """Numbers are numbers, models objects, dates ISO 8601, enums their value, sets lists."""
    if found is None:
        assert sorted(map(str, kept(value))) == sorted(map(str, value))
    else:
        assert kept(value) == found
        assert type(kept(value)) is type(found)


@pytest.mark.parametrize(
    "value", [np.float32("nan"), np.float64("inf"), decimal.Decimal("Infinity"), float("-inf")]
)
def test_no_numbers(value):
    """What is no number is NULL: a text would spoil a column of numbers."""
    assert kept(value) is None


def test_digits_of_a_decimal_are_kept():
    """A price keeps all its digits, where a float would round them."""
    price = decimal.Decimal("12345678901234567890.1234567890")

    assert dumps(price) == str(price)
    assert dumps({"p": [price]}) == f'{{"p":[{price}]}}'


def test_a_large_array_is_shortened():
    """An array of a million numbers is shown as numpy shows it, not sent item by item."""
    text = kept(np.arange(1_000_000))

    assert "..." in text
    assert len(text) < 200


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="pydantic 1 ended with Python 3.13")
def test_models_of_pydantic_1():
    """Models of the older pydantic are objects too, without what is not to be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydantic import v1

    class Old(v1.BaseModel):
        a: int
        inner: Any = None
        key: str = v1.Field("hunter2", repr=False)

    assert kept(Old(a=1, inner=Old(a=2))) == {"a": 1, "inner": {"a": 2, "inner": None}}


def test_a_model_that_was_filled_badly_warns_nobody():
    """Pydantic's warning about a wrong type would be an output of ours."""
    order = ORDER.model_copy(update={"id": "not a number"})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept(order)["id"] == "not a number"


def test_keys():
    """Keys that are no text become the text that people see elsewhere for the same value."""
    day = dt.date(2026, 11, 25)
    keys = {day: 1, Size.SMALL: 2, Colour.RED: 3, decimal.Decimal("1.5"): 4, uuid.UUID(int=0): 5}

    assert json.loads(dumps({**keys, (1, 2): 6, np.int64(7): 8})) == {
        "2026-11-25": 1, "s": 2, "1": 3, "1.5": 4, str(uuid.UUID(int=0)): 5, "(1, 2)": 6, "7": 8,
    }  # fmt: skip


@pytest.mark.parametrize("value", [mock.MagicMock(), mock.Mock(), mock.sentinel.x, iter([1])])
def test_objects_that_have_every_attribute(value):
    """What looks like everything is shown as its text; nothing is consumed."""
    assert kept(value) == str(value)


def test_computed_attributes_are_not_asked_for():
    """A field behind a property, as database mappers make it, is not fetched for a log line."""

    @dataclasses.dataclass
    class Lazy:
        a: int
        b: int = 0

    made = Lazy(1)
    asked = []
    del made.b
    Lazy.b = property(lambda _: asked.append(1))

    assert kept(made) == {"a": 1}
    assert asked == []


def test_what_raises_costs_itself_only():
    """A value whose own code raises is replaced, and what stands beside it is kept."""

    class Bad:
        isoformat = property(lambda self: 1 / 0)

        def __repr__(self) -> str:
            return "Bad()"

    class Worse(pydantic.BaseModel):
        a: int

        def model_dump(self, **_: Any) -> Any:
            raise SystemExit

        def __str__(self) -> str:
            return "worse"

    assert kept([1, Bad(), Worse(a=1), 2]) == [1, "Bad()", "worse", 2]


def test_cycles_of_objects_end():
    """Objects that know one another are cut where they come round again."""

    @dataclasses.dataclass
    class Node:
        name: str
        others: list[Any] = dataclasses.field(default_factory=list)

    one, two = Node("one"), Node("two")
    one.others.append(two)
    two.others.append(one)

    found = json.loads(dumps(one))

    assert found["others"][0] == {"name": "two", "others": ["<circular reference>"]}


def test_an_endless_chain_of_objects_ends():
    """An enum-like value whose value is another of its kind is cut at the deepest level."""

    class Endless:
        __members__ = ()

        @property
        def _value_(self) -> Endless:
            return Endless()

        def __repr__(self) -> str:
            return "endless"

    assert json.loads(dumps(Endless())) == "endless"


def test_no_package_is_imported():
    """Types are known by what they have: nothing is imported for their sake."""
    source = pathlib.Path(_values.__file__).read_text(encoding="utf-8")

    assert not {"numpy", "pydantic", "attr", "dataclasses", "decimal", "enum"} & {
        line.split()[1].partition(".")[0]
        for line in source.splitlines()
        if line.strip().startswith(("import ", "from "))
    }


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_is_a_number_or_its_text(value):
    """Whatever its exponent: a number that readers take, with the same value, or its text."""
    found = json.loads(dumps(value), parse_float=decimal.Decimal)

    assert found == (str(value) if isinstance(found, str) else value)


@given(st.binary(max_size=40))
def test_any_bytes(value):
    """Bytes are text where they are text, else base64; always one line of JSON."""
    import base64

    found = kept(value)

    assert found.encode() == value or base64.b64decode(found) == value
