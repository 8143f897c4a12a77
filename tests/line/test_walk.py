"""Values that are taken apart here: cycles, depth, what changes or refuses to be read."""

from __future__ import annotations

import json
import math

import pytest

from firehose_logging._line import walk
from firehose_logging._line.json_text import MAX_DEPTH, dumps, to_bytes
from tools.strategies import BadDict


def strict(text: str) -> object:
    """Parse as readers do that know no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(to_bytes(text), parse_constant=refuse)


def depth_of(value: object) -> int:
    """How deep lists and dicts are nested."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def test_cycles_end():
    """A list that holds itself is cut where it comes round again."""
    cycle: list[object] = [1]
    cycle.append({"again": cycle})

    assert strict(dumps(cycle)) == [1, {"again": "<circular reference>"}]


def test_same_object_twice_is_no_cycle():
    """Only what contains itself is circular."""
    shared = [math.nan]

    assert strict(dumps([shared, shared])) == [[None], [None]]


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 500, 1_000, 50_000])
def test_deep_nesting_is_cut(depth):
    """Nothing is deeper than readers can take, and what is not too deep is untouched."""
    value: object = "core"
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}

    found = strict(dumps(value))

    assert depth_of(found) == min(depth, MAX_DEPTH)
    assert ("core" in dumps(value)) == (depth <= MAX_DEPTH)


def test_unreadable_dict_becomes_text():
    """A dict of a kind that refuses to be read does not take the rest with it."""
    assert strict(dumps([1, BadDict(a=1)]))[0] == 1


def test_objects_that_know_one_another_end(monkeypatch):
    """Twelve lists that hold one another have more paths than there is time for."""
    monkeypatch.setattr(walk, "MAX_PARTS", 500)
    lists: list[list[object]] = [[] for _ in range(12)]
    for one in lists:
        one.extend(lists)

    text = dumps(lists[0])

    assert "<too many values>" in text
    strict(text)


def test_a_dict_that_changes_meanwhile():
    """A dict that another thread changes while it is encoded is read once more."""
    looked = []

    class Grows(dict):
        def items(self):
            looked.append(1)
            if len(looked) == 1:
                raise RuntimeError("dictionary changed size during iteration")
            return super().items()

    assert strict(dumps({"a": Grows(b=1)}))["a"] == "{'b': 1}"
    assert strict(dumps({"a": Grows(b=1)})) == {"a": {"b": 1}}
