from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.fleet import check, report
from benchmarks.fleet.arrivals import ARRIVALS
from benchmarks.fleet.service import REGIONS, Stream
from benchmarks.fleet.simulation import simulate
from benchmarks.fleet.world import World
from local_firehose import ManualClock
from local_firehose.throughput import Meter, Throughput

#: A fleet that is too large for its stream, and quick to simulate.
CROWDED = World(20_000, gap=10, most=200, seconds=120)


@pytest.mark.parametrize("kind", ARRIVALS)
def test_every_line_has_its_end(kind):
    """Accepted = delivered + lost + left behind + pending, whatever comes; the buffer is small."""
    world = replace(CROWDED, kind=kind, seconds=0, most=50, buffer_bytes=65_536, lifetime=120)
    found = simulate(world)

    ends = found.delivered + found.lost + found.left + found.pending
    assert found.accepted == ends > 0
    assert found.lost > 0 or kind == "cron"


@pytest.mark.parametrize("streams", [1, 3])
def test_nothing_is_throttled_below_the_quota(streams):
    """A fleet of a tenth of what a stream takes: every line is there after a round trip or two."""
    found = simulate(World(500, gap=10, most=500, seconds=120, streams=streams))

    assert found.calls_throttled == found.records_throttled == found.lost == 0
    assert found.delay_p99 < 1


def test_a_fleet_that_is_too_large_is_throttled():
    """And what is stored is what the quota allows, not more."""
    found = simulate(CROWDED)

    assert found.throttled_share > 0.1
    quota = REGIONS["large"].bytes_per_second * CROWDED.share
    assert found.delivered_bytes <= quota * (CROWDED.seconds + 2)
    assert found.delivered_bytes >= quota * CROWDED.seconds * 0.8


def test_the_same_seed_gives_the_same_figures():
    """And another one others."""
    assert simulate(CROWDED) == simulate(CROWDED)
    assert simulate(replace(CROWDED, seed=2)) != simulate(CROWDED)


def test_some_environments_stand_for_all():
    """A tenth of the environments against a tenth of the quota has nearly the same figures."""
    whole = simulate(World(1_000, gap=1, most=1_000, seconds=20))
    tenth = simulate(World(1_000, gap=1, most=200, seconds=20))

    assert tenth.delivered / tenth.invocations == pytest.approx(
        whole.delivered / whole.invocations, rel=0.1
    )
    assert tenth.throttled_share == pytest.approx(whole.throttled_share, abs=0.1)


def test_learning_lowers_the_share_of_throttled_calls():
    """Without a later delivery of the lines that are delivered."""
    world = World(20_000, gap=6, compressed=0.15, most=300)
    before, after = (simulate(replace(world, learns=learns)) for learns in (False, True))

    assert after.throttled_share < before.throttled_share * 0.75
    assert after.calls < before.calls * 0.8
    assert after.delay_mean < before.delay_mean * 1.1


def test_other_streams_take_what_one_refuses():
    """One of three denies everything: no line waits for it."""
    found = simulate(World(500, gap=10, most=500, seconds=120, streams=3, refused=1))

    assert found.delay_p99 < 1
    assert found.lost == 0


def test_several_streams_take_more():
    """What is too much for one stream is none for four."""
    one, four = (simulate(World(15_000, gap=10, most=300, seconds=120, streams=n)) for n in (1, 4))

    assert one.throttled_share > 0.2
    assert four.throttled_share < 0.02


def test_the_stream_counts_as_the_local_firehose_does():
    """Record by record the same, as long as none finds less room than it needs."""
    quota = Throughput(records_per_second=40, requests_per_second=20, bytes_per_second=4_000)
    clock = ManualClock()
    meter = Meter(quota, clock)
    stream = Stream(quota, share=1, seconds=60, outage=None)
    start = clock.monotonic()
    for call in range(300):
        clock.advance(0.013 * (call % 7))
        sizes = [100] * (1 + call % 3)
        theirs = meter.admit(sizes)
        ours = stream.put(sizes, clock.monotonic() - start)
        admitted = None if ours.codes is None else [code is None for code in ours.codes]
        assert admitted == theirs


def test_an_outage_is_told_from_throttling():
    """The service is away for ten minutes: nothing is throttled by it, much waits."""
    found = simulate(World(100, kind="outage", gap=20, most=100))

    assert found.calls_throttled == 0
    assert found.delay_max > 500


def test_the_page_has_the_stored_figures():
    """docs/scale.md says what benchmarks/results holds, table by table."""
    page = report.DOCUMENT.read_text(encoding="utf-8")

    for name, part in report.parts(report.load()).items():
        assert part.strip() in page, name


def test_the_check_tells_what_is_too_far_apart():
    """Per invocation; delays are compared by their size, and by a quarter of a second at least."""
    real = check.Found(100, 1_100, 1_000, 0, 100, 100, 0.5, 1.5, 2.0)
    close = replace(real, invocations=200, delivered=2_100, calls=210, delay_mean=2.5)
    far = replace(real, delivered=700, throttled_share=0.2, delay_mean=9.0)

    assert check.differences(real, close) == []
    assert check.differences(real, far) == ["delivered lines", "throttled share", "mean delay"]


def test_a_few_processes_do_as_the_simulation_says():
    """Below the quota: every line is delivered, in as many calls, and nothing is throttled."""
    world = replace(check.BELOW, environments=3, seconds=3, gap=0.7)
    real, made_up = check.processes(world), check.simulated(world)

    assert real.invocations > 0
    assert real.throttled_share == made_up.throttled_share == 0
    assert real.accepted == real.delivered + real.pending
    assert real.lost == 0
