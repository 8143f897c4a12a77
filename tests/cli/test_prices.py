"""Prices: what may be changed, and what a month costs by them."""

from __future__ import annotations

import pytest

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.prices import GB, STEP, Bill, Prices, Usage, bills, steps


def test_changed():
    """Dollars may be text; the rest stays, and so does what was there before."""
    prices = Prices()
    changed = prices.changed({"firehose_per_gb": "0.05", "as_of": "2027-01"})

    assert (changed.firehose_per_gb, changed.as_of) == (0.05, "2027-01")
    assert changed.athena_per_tb == prices.athena_per_tb
    assert prices.firehose_per_gb != 0.05


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("gold", 1, "unknown; there are as_of, athena_per_tb"),
        ("gb_second", "free", "dollars are needed"),
        ("gb_second", None, "dollars are needed"),
        ("gb_second", -1, "0 or more"),
        ("gb_second", float("nan"), "0 or more"),
    ],
)
def test_wrong_prices(name, value, word):
    """The message names price, value and what is allowed."""
    with pytest.raises(CommandError, match=word):
        Prices().changed({name: value})


@pytest.mark.parametrize(
    ("size", "billed"), [(0, 0), (1, STEP), (STEP, STEP), (STEP + 1, 2 * STEP)]
)
def test_steps(size, billed):
    """A record is billed as a whole number of steps."""
    assert steps(size) == billed


def test_only_what_is_billed():
    """Without queries, objects and hold a bill is its ingestion."""
    usage = Usage(1, 1, GB, GB, 2 * GB, 3 * GB, 0, 0, 0, 0)
    found = bills(usage, Prices())

    assert [each.gb for each in found[:3]] == [1, 2, 3]
    assert all(each.total == each.ingestion for each in found)
    assert Bill("x", 1, 2, 3, 4, 5).total == 14
