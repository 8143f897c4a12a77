"""The pages say what the stored results say."""

from __future__ import annotations

import json

import pytest

from benchmarks import against, cost, flush_simulation, measure, page, small, stages, throughput


def test_the_page_of_benchmarks_is_made_from_what_is_stored() -> None:
    """`python -m benchmarks report` would change nothing: docs/benchmarks.md byte for byte."""
    if not measure.STORED.exists():
        pytest.skip("no whole run is stored")
    results = measure.load()
    text = page.PAGE.read_text(encoding="utf-8")

    assert page.text_of(results, text) == text


def test_the_bill_is_the_same_on_both_pages() -> None:
    """docs/flush.md has it from the same stored results as docs/benchmarks.md."""
    if not measure.STORED.exists():
        pytest.skip("no whole run is stored")
    sections = measure.load()["sections"]
    text = flush_simulation.DOCUMENT.read_text(encoding="utf-8")

    for part in cost.reports(sections["billed"], sections["month"]).values():
        assert part.strip() in text


def test_the_stored_bill_is_that_of_these_prices() -> None:
    """Prices, traffic or packing that change need a new run: nothing there is timed."""
    if not measure.STORED.exists():
        pytest.skip("no whole run is stored")
    stored = [cost.Bill(**bill) for bill in measure.load()["sections"]["month"]]
    now = cost.bills(cost.Month(), cost.Prices())

    assert [bill.name for bill in now] == [bill.name for bill in stored]
    for mine, its in zip(now, stored, strict=True):
        assert mine.total == pytest.approx(its.total, rel=0.02)


def test_stages_and_compression_are_those_that_are_stored() -> None:
    """docs/performance.md has the tables of benchmarks/results/stages.json."""
    text = stages.PAGE.read_text(encoding="utf-8")
    result = json.loads(stages.RESULTS.read_text(encoding="utf-8"))

    assert all(part in text for part in stages.parts(result).values())


def test_throughput_is_that_which_is_stored() -> None:
    """docs/performance.md has the table of benchmarks/results/throughput.json, of every size."""
    result = json.loads(throughput.RESULTS.read_text(encoding="utf-8"))

    assert throughput.report(result) in stages.PAGE.read_text(encoding="utf-8")
    assert {row["lines"] for row in result["runs"]} == set(throughput.SIZES)


def test_throughput_is_told_by_size_and_tree() -> None:
    """A row for each size; what a line takes from some thousands on is told as a range."""
    runs = [
        {"tree": tree, "lines": lines, "us of CPU a line": us, "MiB at most": mib}
        for lines, tree, us, mib in (
            *((1_000, "0c4de4b", 20.0, 21.0), (1_000, "now", 19.0, 20.0)),
            *((10_000, "0c4de4b", 12.0, 31.0), (10_000, "now", 11.0, 25.0)),
            *((100_000, "0c4de4b", 12.0, 31.0), (100_000, "now", 10.0, 26.0)),
        )
    ]
    facts = {"day": "today", "load": [2.0, 1.0], "machine": {"cores": 2}, "runs": runs}

    text = throughput.report(facts)

    assert "| 1,000 | 20.0 | 19.0 | 21.0 | 20.0 |" in text
    assert "a line takes 10.0 to 11.0 us of CPU now" in text
    assert "25.0 to 26.0 MiB at most" in text


def test_small_functions_are_those_that_are_stored() -> None:
    """docs/benchmarks.md has the table of benchmarks/results/small.json."""
    result = json.loads(small.RESULTS.read_text(encoding="utf-8"))

    assert small.report(result) in page.PAGE.read_text(encoding="utf-8")


def test_false_alarms_are_those_that_are_stored() -> None:
    """What docs/performance.md says of the gate: 20 runs, no alarm."""
    result = json.loads(against.ALARMS.read_text(encoding="ascii"))

    assert (result["runs"], result["alarms"]) == (20, 0)
    assert result["tolerance"] == against.STORED_TOLERANCE
    least, most = result["load"]
    assert f"a load of {least} to {most}" in stages.PAGE.read_text(encoding="utf-8")


def test_a_small_function_is_compared_within_a_round() -> None:
    """Medians, and ratios to the bare function's figure of the same round; "-" for none."""
    rows = {
        "bare function, text": [{"first": 10.0, "hold": 0.0, "log_us": 10.0}] * 3,
        "firehose-logging": [{"first": 20.0, "hold": 30.0, "log_us": 15.0}] * 3,
    }
    facts = {"day": "today", "rounds": 3, "by": "signals", "load": 1.0, "machine": {"cores": 2}}
    text = small.report({**facts, "shares": {"1/14": rows}})

    assert "| 1/14 (128 MB) | firehose-logging | - | - | 20 | 30 | 15 | 1.50 |" in text
    assert "SIGSTOP" in text
