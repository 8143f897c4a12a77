"""What is fuzzed: a name, inputs, and what must hold for every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Target:
    """One reader.

    Args:
        name: for tables.
        inputs: generates what it is given.
        check: raises when a promise is broken.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` in pieces, as a socket may bring it."""
    at = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(at)]
