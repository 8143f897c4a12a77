"""Values as their users want them in SQL."""

from __future__ import annotations

from support.cases import line

LINES = [
    line(
        "all",
        logger="shop",
        np_int=5,
        np_float=1.5,
        np_bool=True,
        np_array=[0, 1, 2],
        np_nan=None,
        price=12.5,
        when="2026-11-25T12:00:00+00:00",
        day="2026-11-25",
        item={"sku": "a", "count": 2},
        order={"id": 1, "items": ["x"]},
        colour=1,
        uid="00000000-0000-0000-0000-000000000001",
        path="/tmp",
        tags=["a"],
        raw="/wA=",
        nested={"item": {"sku": "b", "count": 3}, "price": 1, "n": 7},
        nan=None,
        big=2**70,
    ),
    line({"item": {"sku": "c", "count": 4}, "n": 9}, logger="shop"),
    line("Item(sku='d', count=5) costs 2", logger="shop"),
]
