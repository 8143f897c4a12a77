from __future__ import annotations

from dataclasses import replace
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import cost, cost_bytes, cost_lines
from benchmarks.cost import Month, Prices
from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._firehose.wire import compress
from firehose_logging._line import line as _line

#: From here on rounding must not show any more.
LARGE = (64 * 1024, 256 * 1024, 1_048_576)


@pytest.mark.parametrize("bodies", [cost_lines.short_bodies, cost_lines.real_bodies])
def test_rounding_is_no_cost_from_64_kib(bodies):
    """From 64 KiB a flush at most 1.05 bytes are billed for a byte logged."""
    for flush in cost_bytes.measure(bodies(Random(1)), LARGE):
        assert 1 <= flush.ratio <= 1.05, flush
        assert flush.calls == 1


@given(
    st.lists(st.integers(2, 20_000), min_size=1, max_size=60)
    | st.lists(st.integers(2, 1_024_000), min_size=1, max_size=8)
)
def test_no_mix_of_lines_is_billed_more(sizes):
    """Whatever the lines: 5 % at most from 100 KiB, and less than a step below."""
    ledger = Ledger()
    batcher = Batcher(ledger, 16_777_216)
    for size in sizes:
        batcher.add(b"x" * (size - 1) + b"\n", 0.0)
    while records := batcher.take():
        batcher.delivered(records)

    assert ledger.delivered_bytes == sum(sizes)
    if ledger.delivered_bytes >= 102_400:
        assert ledger.billed_bytes <= 1.05 * ledger.delivered_bytes
    elif ledger.delivered_bytes:
        assert ledger.billed_bytes - ledger.delivered_bytes < 5_120


def test_gzip_is_billed_a_fifth():
    """From 64 KiB a flush of our lines, at most 0.2 with gzip."""
    for flush in cost_bytes.measure(cost_lines.real_bodies(Random(1)), LARGE, gzip=True):
        assert 0.05 <= flush.ratio <= 0.2, flush


def test_small_flushes_are_billed_a_step():
    """What fits into one record of 5 KiB is billed as that, however little it is."""
    small, step = cost_bytes.measure(cost_lines.short_bodies(Random(1)), (600, 5_000))

    assert (small.lines, small.raw, small.billed) == (3, 600, 5_120)
    assert (step.lines, step.raw, step.billed) == (25, 5_000, 5_120)


def test_a_record_for_each_line_is_billed_a_step_each():
    """What is compared with: 200 bytes are billed as 5,120."""
    (flush,) = cost_bytes.measure(cost_lines.short_bodies(Random(1)), (64 * 1024,))

    assert flush.line_by_line / flush.raw == 25.6


def test_short_lines_are_of_one_size():
    """Their numbers grow, their messages give way."""
    bodies = islice(cost_lines.short_bodies(Random(1)), 2_000)

    assert {len(_line.finish(body, n)) for n, body in enumerate(bodies, 1)} == {cost_lines.SHORT}


def test_the_same_records_go_to_both():
    """Ours carry what the runtime's own lines carry, and where they come from."""
    import json

    ours = [json.loads(body + "}") for body in islice(cost_lines.real_bodies(Random(1)), 5)]
    theirs = [json.loads(line) for line in islice(cost_lines.runtime_lines(Random(1)), 5)]

    assert [set(b) - set(a) for a, b in zip(ours, theirs, strict=True)] == [set()] * 5
    assert set(ours[4]) - set(theirs[4]) == {
        "type", "functionName", "functionVersion", "instanceId", "coldStart",
    }  # fmt: skip


def test_gzip_in_the_simulation_is_that_of_the_transport():
    """Sizes in between are near those of a real member."""
    size_of = cost.compressed_size()
    data = b"".join(cost._our_lines(1_000))

    assert size_of(0) == 0
    for size in (300, 5_000, 50_000, 300_000):
        assert size_of(size) == pytest.approx(len(compress(data[:size])), rel=0.1)


def bills(month=None, **prices):
    """Bills by name; what is not priced is free."""
    free = Prices(**dict.fromkeys(vars(Prices()), 0.0))
    return {bill.name: bill for bill in cost.bills(month or Month(), replace(free, **prices))}


def test_prices_are_what_is_paid():
    """Each price is paid for its own thing, and nothing else is."""
    assert {bill.total for bill in bills().values()} == {0}

    each = bills(firehose_per_gb=1.0)
    assert each["CloudWatch Logs"].total == 0
    # Five lines and three events, a step of 5 KiB each.
    assert each["a record for each line"].total == pytest.approx(8 * 5_120 * 10_000_000 / 2**30)

    theirs = bills(cloudwatch_per_gb=2.0)
    assert theirs["CloudWatch Logs"].total == 2 * theirs["CloudWatch Logs"].gb
    assert sum(bill.total > 0 for bill in theirs.values()) == 1


def test_the_hold_is_paid_by_memory_and_round_trip():
    """Under `end` a month pays a round trip for each invocation, in GB-seconds."""
    month = Month(invocations=1_000_000, memory_mb=2_048, round_trip_ms=100)

    found = bills(month, gb_second=1.0)

    assert found["`end`, steady 1/s"].total == pytest.approx(1_000_000 * 0.1 * 2, rel=0.01)
    assert found["`adaptive`, steady 10/s"].total <= 1_000_000 * 0.1 * 2 * 0.01


def test_puts_are_by_time_until_there_is_much():
    """Small streams write an object each 5 minutes, large ones each 5 MiB."""
    few = bills(Month(invocations=1_000), s3_put_per_1000=1_000.0)
    many = bills(Month(invocations=100_000_000), s3_put_per_1000=1_000.0)

    assert few["a record for each line"].total == 30 * 24 * 12
    assert many["a record for each line"].total > 30 * 24 * 12
    assert few["CloudWatch Logs"].total == 0


def test_command_line_takes_prices(capsys):
    """What is given is used and shown, with the defaults' date."""
    assert cost.main(["--firehose-per-gb", "7.5", "--cloudwatch-per-gb", "0.125"]) == 0

    out = capsys.readouterr().out
    assert "Firehose 7.5 and CloudWatch Logs 0.125 a GB" in out
    assert cost.LOOKED_UP in out
