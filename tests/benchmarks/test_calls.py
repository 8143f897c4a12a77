"""Calls timed in a function in AWS's emulator: each step in each environment, and its lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import calls, stages
from benchmarks.calls import BARE, Environment
from support import e2e_lambda
from tools import rie


@pytest.mark.rie
@pytest.mark.e2e
@pytest.mark.skipif(not rie.BINARY.exists(), reason="no emulator: run `make rie`")
def test_every_call_is_timed_everywhere_and_its_lines_arrive() -> None:
    """A round of few calls, which fails where a line is missing or is one too many."""
    who = calls.environments({"now": e2e_lambda.layer()})
    few = dict.fromkeys(calls.CALLS, 8)

    found = calls.one_round(who, Path(sys.executable), few, 1, 0)

    assert set(found) == set(calls.CALLS)
    for by_name in found.values():
        assert set(by_name) == {BARE, "now on", "now off"}
        assert all(value > 0 for values in by_name.values() for value in values.values())


def test_a_line_that_is_not_where_it_belongs_is_told() -> None:
    """Which one, and how many there were."""
    with pytest.raises(SystemExit, match="print, now on, Firehose: 7 lines, 8 were to be there"):
        calls.expect("print, now on, Firehose", 7, 8)


def test_each_layer_runs_with_passthrough_and_without() -> None:
    """And the bare function once."""
    names = [
        one.name for one in calls.environments({"now": e2e_lambda.ROOT, "then": e2e_lambda.ROOT})
    ]

    assert names == [BARE, "now on", "now off", "then on", "then off"]
    assert Environment(BARE).layer is None


def test_calls_are_compared_within_a_round() -> None:
    """Ratios to the bare function's figure of the same round, their median, quartiles and least."""
    bare = {"least cpu": [10.0, 100.0, 20.0], "median wall": [20.0] * 3}
    ours = {"least cpu": [15.0, 200.0, 35.0], "median wall": [30.0] * 3}
    facts = {"day": "today", "rounds": 3, "load": [1.0, 2.0]}
    facts["machine"] = {"cores": 2, "python": "3.11"}

    text = calls.report({**facts, "us a call": {"print": {BARE: bare, "now on": ours}}})

    assert "| print | 20.0 | 1.75 (1.50 to 2.00), 1.50 | 2.0, 1.0 |" in text
    assert "| print | 20.0 | 1.50 |" in text
    assert "a load of 1 to 2 on 2 cores" in text


def test_the_page_has_the_table_that_is_stored() -> None:
    """docs/performance.md has the figures of benchmarks/results/calls.json."""
    result = json.loads(calls.RESULTS.read_text(encoding="utf-8"))

    assert calls.report(result) in stages.PAGE.read_text(encoding="utf-8")
