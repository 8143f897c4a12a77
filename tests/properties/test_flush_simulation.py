from __future__ import annotations

import json
import statistics
import time

import pytest

from benchmarks import flush_simulation
from benchmarks.arrivals import Invocation, Pattern, patterns
from benchmarks.flush_simulation import dominates, of_a_mix, row
from benchmarks.flush_simulation_alternatives import MeanGap
from benchmarks.flush_simulation_environment import World, simulate
from firehose_logging._extension.flush_policy import FlushPolicy
from support.e2e_lambda import REST, deployed

NAMES = [pattern.name for pattern in patterns()]


@pytest.fixture(scope="module")
def found():
    """Every row, by pattern and policy."""
    return {(row.pattern, row.policy): row for row in flush_simulation.rows()}


@pytest.mark.parametrize("pattern", NAMES)
def test_adaptive_is_on_the_frontier(found, pattern):
    """Neither other policy is as good in hold, billed ratio and delay, and better in one."""
    adaptive = found[pattern, "adaptive"]

    assert not dominates(found[pattern, "end"], adaptive)
    assert not dominates(found[pattern, "periodic"], adaptive)


@pytest.mark.parametrize("pattern", NAMES)
def test_adaptive_beats_a_mix(found, pattern):
    """Deciding by the arrivals is never worse than taking one of the others at random."""
    end, periodic = found[pattern, "end"], found[pattern, "periodic"]

    assert of_a_mix(end, periodic, found[pattern, "adaptive"]) <= 1.01


@pytest.mark.parametrize("pattern", ["steady 10/s", "steady 1/s"])
def test_dense_traffic_is_not_held(found, pattern):
    """Ten invocations learn that traffic is dense; spread over all, that is under 0.3 ms each."""
    assert found[pattern, "adaptive"].hold <= 0.3
    assert found[pattern, "adaptive"].hold_p99 == 0


@pytest.mark.parametrize("pattern", NAMES)
def test_silence_leaves_few_lines_waiting(found, pattern):
    """What waits for more than two intervals is a few percent, and nothing where gaps are even."""
    bound = 0.06 if "burst" in pattern else 0.001

    assert found[pattern, "adaptive"].late <= bound


def test_the_frontier_tells_a_bad_rule():
    """The first rule held longer than `periodic` and delivered later; the check says so."""
    world = World()
    pattern = next(p for p in patterns() if p.name == "far bursts")
    rows = [
        row(pattern, name, simulate(pattern, make, world), world)
        for name, make in (
            ("periodic", lambda: FlushPolicy("periodic", 10)),
            ("first", lambda: MeanGap(10)),
        )
    ]

    assert dominates(*rows)


def test_same_seed_same_figures(found):
    """The simulation is a function of its seed; another seed is another trace."""
    assert patterns() == patterns()
    assert patterns(2) != patterns()
    pattern = patterns()[1]
    outcome = simulate(pattern, lambda: FlushPolicy("adaptive", 10), World())
    assert row(pattern, "adaptive", outcome, World()) == found[pattern.name, "adaptive"]


# -- the model itself ---------------------------------------------------------------------------


def two(gap: float) -> Pattern:
    """Two invocations of 100 ms with one line each."""
    return Pattern("two", "", (Invocation(0, 0.1, 1), Invocation(gap, 0.1, 1)), goes_on=False)


def test_end_holds_for_a_round_trip():
    """A line half-way through 100 ms is in Firehose one round trip after the response."""
    world = World(round_trip=0.02, bandwidth=1e12)

    outcome = simulate(two(60), lambda: FlushPolicy("end", 10), world)

    assert outcome.holds == pytest.approx([0.02, 0.02])
    assert outcome.delays == pytest.approx([0.07, 0.07])
    assert outcome.environments == 1


def test_periodic_waits_for_the_next_invocation_and_for_the_end():
    """A frozen environment sends nothing: the next invocation does, and SIGTERM the rest."""
    world = World(round_trip=0.02, bandwidth=1e12)

    outcome = simulate(two(60), lambda: FlushPolicy("periodic", 10), world)

    assert outcome.holds == pytest.approx([0, 0])
    assert outcome.delays == pytest.approx([60 - 0.05 + 0.02, 0.05 + world.idle + 0.02])


def test_silence_ends_the_environment():
    """After the idle time SIGTERM delivers, and the next invocation has a new environment."""
    world = World(round_trip=0.02, bandwidth=1e12)

    outcome = simulate(two(1_000), lambda: FlushPolicy("periodic", 10), world)

    assert outcome.environments == 2
    assert outcome.delays == pytest.approx([0.05 + world.idle + 0.02] * 2)


def test_a_call_does_not_go_on_while_frozen():
    """A delivery that outlasts the invocation in which it began is answered in the next."""
    world = World(round_trip=0.15, bandwidth=1e12, telemetry=10)
    invocations = tuple(Invocation(at, 0.1, 1) for at in (0.0, 11.0, 12.0))

    outcome = simulate(
        Pattern("three", "", invocations), lambda: FlushPolicy("periodic", 10), world
    )

    assert outcome.delays[0] == pytest.approx(12 - 0.05 + 0.05)


def test_bytes_are_those_of_the_real_packing():
    """Three platform events and one line an invocation; a call's record is billed in steps."""
    outcome = simulate(two(60), lambda: FlushPolicy("end", 10), World(line=200))

    assert outcome.logged_bytes == 2 * (200 + 499 + 742 + 700)
    assert outcome.billed_bytes == outcome.calls * 5_120
    assert len(outcome.platform_delays) == 6
    assert len(outcome.delays) == 2


@pytest.mark.e2e
@pytest.mark.parametrize("policy", ["end", "adaptive", "periodic"])
def test_the_simulation_is_like_a_local_lambda(policy):
    """Forty invocations, one after the other: calls and billed bytes of the real thing.

    At the times at which they really came, and as long: a policy goes by both. Long enough for a
    delivery, also where the machine is busy: one that is still under way when the next invocation
    ends takes its lines along, which is a call less. And of so few lines that the telemetry of two
    fits into the 5 KiB that a record is billed as: which call that goes with is the platform's.
    """
    steps = [["log", "INFO", f"line {n}"] for n in range(2)]
    invocations = []
    with deployed(environment={"FIREHOSE_LOGGING_FLUSH": policy}) as run:
        assert run.env.init().status == "success"
        first = time.monotonic()
        for _ in range(40):
            began = time.monotonic()
            run.do(*steps, ["sleep", 0.075], rest=False)
            invocations.append(Invocation(began - first, time.monotonic() - began, 2))
            assert run.env.wait_idle(REST)
        run.shutdown()
        ledger = run.firehose.ledger
        lines = [line for line in run.lines if line["type"] == "function"]
    assert len({(line["instanceId"], line["seq"]) for line in lines}) == 80
    if len(lines) > 80:
        pytest.skip("the machine is so busy that the last call hung and was made again")
    size = round(statistics.mean(len(json.dumps(line, separators=(",", ":"))) for line in lines))

    pattern = Pattern("like it", "", tuple(invocations), goes_on=False)
    made_up = simulate(pattern, lambda: FlushPolicy(policy, 10), World(round_trip=0.002, line=size))
    assert made_up.calls == pytest.approx(len(ledger.calls), abs=6)
    assert made_up.billed_bytes == pytest.approx(ledger.billed_bytes, rel=0.15)


def test_documentation_has_the_figures_of_now(found):
    """The table in docs/flush.md is what the command writes."""
    assert flush_simulation.table(list(found.values())) in flush_simulation.DOCUMENT.read_text()
