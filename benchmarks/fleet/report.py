"""The runs behind docs/scale.md: what is simulated, stored as JSON, told in tables and pictures."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.candidates import ROOT, set_up_plots
from benchmarks.fleet import check
from benchmarks.fleet.arrivals import ARRIVALS, OUTAGE
from benchmarks.fleet.simulation import Outcome, simulate
from benchmarks.fleet.world import World
from benchmarks.flush_simulation import put
from benchmarks.stored import store
from firehose_logging._cli.prices import GB, Prices

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = ROOT / "benchmarks" / "results" / "fleet.json"
DOCUMENT = ROOT / "docs" / "scale.md"
PLOTS = ROOT / "docs" / "plots"

SIZES = (10, 100, 1_000, 5_000, 20_000, 100_000)

#: What is compared, on the same picture.
BEFORE, AFTER, THREE = "as before", "learns from throttling", "learns, three streams"
VARIANTS: dict[str, dict[str, Any]] = {
    BEFORE: {"learns": False},
    AFTER: {},
    THREE: {"streams": 3},
}

#: Gzip, as docs/benchmarks.md has it for flushes of a few KB.
GZIP = 0.25

#: The fleet of the pictures: gzip, so that requests count as much as bytes do.
FLEET = World(1, gap=10, compressed=GZIP, most=400)

#: Of all calls, those that may be throttled in a stream that is not full.
FULL = 0.01


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """All runs; some minutes."""
    return {**fleets(say), "sizes": capacities(say)}


def fleets(say: Callable[[str], None]) -> dict[str, Any]:
    """Fleets of all sizes, before and after; an outage; a stream that refuses."""
    results: dict[str, Any] = {"fleet": {}, "outage": {}}
    for kind in ARRIVALS:
        results["fleet"][kind] = {name: [] for name in VARIANTS}
        for name, how in VARIANTS.items():
            for size in SIZES:
                world = replace(FLEET, environments=size, kind=kind, **how)
                if kind == OUTAGE:
                    world = replace(world, gap=30)
                outcome = simulate(world)
                row = {"environments": size, **outcome.as_json(), **_money(outcome)}
                results["fleet"][kind][name].append(row)
            say(f"{kind}, {name}")
    for name, how in VARIANTS.items():
        world = replace(FLEET, environments=20_000, kind=OUTAGE, **how)
        outcome = simulate(world)
        results["outage"][name] = {
            "quota": 2_000 * world.streams,
            **outcome.as_json(),
            "calls_by_second": _thinned(outcome.calls_by_second),
        }
        say(f"outage of 20,000, {name}")
    ways: dict[str, dict[str, Any]] = {
        "one stream": {},
        "three streams": {"streams": 3},
        "three streams, one refuses": {"streams": 3, "refused": 1},
    }
    results["refused"] = {
        name: simulate(replace(FLEET, environments=3_000, seconds=300, **how)).as_json()
        for name, how in ways.items()
    }
    return results


def capacities(say: Callable[[str], None]) -> list[dict[str, Any]]:
    """What fills a stream, by region, lines and compression."""
    found = []
    for region in ("large", "other"):
        for lines in (1, 10, 100):
            found += [_capacity(region, lines, compressed) for compressed in (1.0, GZIP)]
            say(f"capacity, {region} region, {lines} lines")
    return found


def _money(outcome: Outcome) -> dict[str, float]:
    """Of a million invocations, in US dollars: Firehose, and the holds at 256 MB."""
    prices = Prices()
    each = 1_000_000 / max(outcome.invocations, 1)
    return {
        "billed_ratio": round(outcome.billed_bytes / max(outcome.delivered_bytes, 1), 4),
        "firehose_dollars": round(outcome.billed_bytes * each / GB * prices.firehose_per_gb, 4),
        "hold_dollars": round(outcome.held * each * prices.gb_second / 4, 4),
    }


def _thinned(series: list[float], every: int = 5) -> list[float]:
    """The most of each five seconds."""
    return [round(max(series[at : at + every])) for at in range(0, len(series), every)]


def _capacity(region: str, lines: int, compressed: float) -> dict[str, Any]:
    """Invocations a second at which a stream begins to throttle, by policy."""
    found: dict[str, Any] = {"region": region, "lines": lines, "compressed": compressed}
    for flush in ("end", "periodic", "adaptive"):
        world = World(
            1, gap=10, region=region, lines=lines, compressed=compressed, flush=flush,
            most=600, seconds=90, learns=False,
        )  # fmt: skip
        found[flush] = _full(world)
    return found


def _full(world: World) -> int:
    """The fleet's invocations a second at which it is full, to some 5 %."""
    bytes_each = world.lines * world.line_bytes + 1_941
    quota = (5 if world.region == "large" else 1) * 1_048_576
    requests = 2_000 if world.region == "large" else 1_000
    guess = min(quota / (bytes_each * world.compressed), requests)
    low, high = math.log(guess * 0.5), math.log(guess * 1.3)
    while high - low > 0.05:
        middle = (low + high) / 2
        size = max(1, round(math.exp(middle) * world.gap))
        if simulate(replace(world, environments=size)).throttled_from(30) > FULL:
            high = middle
        else:
            low = middle
    digits = 2 - len(str(int(math.exp(low))))
    return int(round(math.exp(low), digits))


# -- for people -----------------------------------------------------------------------------------


def write(results: dict[str, Any], say: Callable[[str], None]) -> None:
    """Tables and pictures into the documentation."""
    put(parts(results), DOCUMENT)
    python = set_up_plots(say)
    subprocess.run(
        [str(python), "-m", "benchmarks.children.plot_fleet", str(PLOTS)], cwd=ROOT,
        input=json.dumps(results), text=True, check=True, timeout=120,
    )  # fmt: skip


def parts(results: dict[str, Any]) -> dict[str, str]:
    """The tables of docs/scale.md, by the names of their places."""
    return {
        "fleet": fleet_table(results),
        "outage": outage_table(results),
        "refused": refused_table(results),
        "sizes": sizes_table(results),
        "streams": streams_table(results),
        "check": check.table(check.load()),
    }


def fleet_table(results: dict[str, Any]) -> str:
    """Fleets of 10,000 and 100,000, before and after."""
    head = (
        *("invocations", "environments", "", "calls throttled", "delay, s: mean (p99)"),
        *("most calls a second", "held, s per 1,000 invocations"),
        *("dollars per million: Firehose + hold", "lost, left"),
    )
    table = []
    for kind, variants in results["fleet"].items():
        for size in (1_000, 20_000, 100_000):
            for name, rows in variants.items():
                row = next(r for r in rows if r["environments"] == size)
                held = 1_000 * row["held"] / row["invocations"]
                cells = (
                    *(kind, f"{size:,}", name, f"{row['throttled_share']:.1%}"),
                    f"{row['delay_mean']:.2f} ({row['delay_p99']:.1f})",
                    *(f"{row['worst_second']:,.0f}", f"{held:.1f}"),
                    f"{row['firehose_dollars']:.2f} + {row['hold_dollars']:.3f}",
                    f"{row['lost']}, {row['left'] / row['accepted']:.1%}",
                )
                table.append(cells)
    return tables.markdown(table, head, "010111111")


def outage_table(results: dict[str, Any]) -> str:
    """The ten minutes, and what follows."""
    table = [
        (
            *(name, f"{row['calls']:,}", f"{row['throttled_share']:.1%}"),
            f"{row['delay_mean']:.0f} ({row['delay_max']:.0f})",
            f"{row['settled_at']:.0f}",
        )
        for name, row in results["outage"].items()
    ]
    delay = "delay, s: mean (longest)"
    head = ("", "calls", "calls throttled", delay, "last throttled call, s")
    return tables.markdown(table, head, "01111")


def refused_table(results: dict[str, Any]) -> str:
    """One of three streams denies everything."""
    table = [
        (
            *(name, f"{row['delay_mean']:.3f} ({row['delay_p99']:.2f})"),
            *(f"{row['lost']}", f"{row['left']}"),
        )
        for name, row in results["refused"].items()
    ]
    return tables.markdown(table, ("", "delay, s: mean (p99)", "lines lost", "lines left"), "0111")


def sizes_table(results: dict[str, Any]) -> str:
    """Invocations a second that fill one stream."""
    policies = ("end", "periodic", "adaptive")
    table = []
    for row in results["sizes"]:
        region = "us-east-1, us-west-2, eu-west-1" if row["region"] == "large" else "others"
        gzip = "none" if row["compressed"] == 1 else "gzip"
        cells = (f"{row[policy]:,}" for policy in policies)
        table.append((region, f"{row['lines']}", gzip, *cells))
    head = ("region", "lines an invocation", "compression", *(f"`{name}`" for name in policies))
    return tables.markdown(table, head, "010111")


def streams_table(results: dict[str, Any]) -> str:
    """How many streams, with a third of each left free."""
    capacity = {
        (row["region"], row["lines"], row["compressed"]): row["adaptive"]
        for row in results["sizes"]
    }
    head = (
        *("functions", "invocations a second of each", "lines an invocation"),
        *("us-east-1, us-west-2, eu-west-1", "the same, gzip", "other regions", "the same, gzip"),
    )
    table = []
    for functions, rate in ((10, 1), (100, 1), (100, 10), (1_000, 1), (1_000, 10)):
        for number in (1, 10, 100):
            cells = [
                math.ceil(functions * rate * 1.5 / capacity[region, number, compressed])
                for region in ("large", "other")
                for compressed in (1.0, GZIP)
            ]
            shown = (f"{cell:,}" for cell in cells)
            table.append((f"{functions:,}", f"{rate}", f"{number}", *shown))
    return tables.markdown(table, head, "1111111")


def save(results: dict[str, Any]) -> None:
    """Keep the figures."""
    store(RESULTS, results)


def load() -> dict[str, Any]:
    """The figures of the last run."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found
