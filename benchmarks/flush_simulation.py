"""Hold, billed ratio and delay of each flush policy under each pattern of invocations.

`python -m benchmarks.flush_simulation` prints the tables; `--write` puts them and their picture
into the documentation. Seeded, no clock: the same figures on every machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import venv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.arrivals import Pattern, patterns
from benchmarks.flush_simulation_alternatives import ALTERNATIVES
from benchmarks.flush_simulation_environment import Outcome, World, simulate
from firehose_logging._extension.flush_policy import ADAPTIVE, END, MODES, PERIODIC, FlushPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "flush.md"
PICTURE = ROOT / "docs" / "plots" / "flush-policies.svg"
PLOTS = ROOT / "build" / "plots"

#: A figure counts as better only from this share on.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Row:
    """One policy under one pattern.

    Args:
        hold, hold_p99: milliseconds of an invocation that the environment is held.
        ratio: billed bytes over logged bytes.
        calls: PutRecordBatch calls per 100 invocations.
        delay, delay_p99, delay_max: seconds from the log call until Firehose has confirmed the
            line; lines of the function's own.
        late: share of those that took more than two intervals.
    """

    pattern: str
    policy: str
    hold: float
    hold_p99: float
    ratio: float
    calls: float
    delay: float
    delay_p99: float
    delay_max: float
    late: float


def row(pattern: Pattern, name: str, outcome: Outcome, world: World) -> Row:
    """The figures of a simulation."""
    # What is left of sums of floats where nothing was held.
    holds = [max(0.0, hold) * 1000 for hold in outcome.holds]
    return Row(
        pattern.name,
        name,
        round(statistics.fmean(holds), 6),
        round(_percentile(holds, 99), 6),
        outcome.billed_bytes / outcome.logged_bytes,
        100 * outcome.calls / len(pattern.invocations),
        statistics.fmean(outcome.delays),
        _percentile(outcome.delays, 99),
        max(outcome.delays),
        sum(delay > 2 * world.interval for delay in outcome.delays) / len(outcome.delays),
    )


def _percentile(values: Sequence[float], percent: int) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]


def rows(world: World | None = None) -> list[Row]:
    """Every policy under every pattern."""
    world = world or World()
    return [
        row(pattern, mode, simulate(pattern, _maker(mode, world), world), world)
        for pattern in patterns()
        for mode in MODES
    ]


def _maker(mode: str, world: World) -> Callable[[], FlushPolicy]:
    return lambda: FlushPolicy(mode, world.interval)


def dominates(other: Row, mine: Row) -> bool:
    """Whether ``other`` is no worse in hold, billed ratio and delay, and better in one.

    Both by TOLERANCE: less than that is the same.
    """
    pairs = [(other.hold, mine.hold), (other.ratio, mine.ratio), (other.delay, mine.delay)]
    no_worse = all(its <= own * (1 + TOLERANCE) for its, own in pairs)
    return no_worse and any(its < own * (1 - TOLERANCE) for its, own in pairs)


def of_a_mix(end: Row, periodic: Row, mine: Row) -> float:
    """Hold and delay against ``end`` or ``periodic`` at random, which has 1.

    The share of ``end``'s hold that is left plus the share of ``periodic``'s delay that is left:
    whatever the mix, its two shares add up to one. Less is better.
    """
    hold = (mine.hold - periodic.hold) / (end.hold - periodic.hold)
    return hold + (mine.delay - end.delay) / (periodic.delay - end.delay)


# -- for people ---------------------------------------------------------------------------------


def table(found: Sequence[Row]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| pattern | policy | hold, ms: mean (p99) | billed / logged | calls per 100 invocations "
        "| until in Firehose, s: mean (p99, longest) | later than 2 intervals |",
        "|---|---|---|---|---|---|---|",
    ]
    last = None
    for row in found:
        lines.append(
            f"| {row.pattern if row.pattern != last else ''} | `{row.policy}` "
            f"| {row.hold:.2f} ({row.hold_p99:.1f}) | {row.ratio:.2f} | {row.calls:.0f} "
            f"| {_seconds(row.delay)} ({_seconds(row.delay_p99)}, {_seconds(row.delay_max)}) "
            f"| {row.late:.1%} |"
        )
        last = row.pattern
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def legend() -> str:
    """What the patterns are."""
    lines = ["| pattern | invocations | |", "|---|---|---|"]
    lines += [f"| {p.name} | {len(p.invocations)} | {p.what} |" for p in patterns()]
    return "\n".join(lines)


def alternatives(found: Sequence[Row], world: World | None = None) -> str:
    """Rules that were tried, against the one that is used; a Markdown table."""
    world = world or World()
    shown = ("steady 10/s", "steady 1/s", "bursts of 15", "bursts of 60", "bursts of 400",
             "far bursts", "diurnal")  # fmt: skip
    lines = [
        "| rule | " + " | ".join(shown) + " |",
        "|---" * (len(shown) + 1) + "|",
        _cells("used: " + ADAPTIVE, [r for r in found if r.policy == ADAPTIVE], shown),
    ]
    for alternative in ALTERNATIVES:
        results = [
            row(
                pattern,
                alternative.name,
                simulate(pattern, lambda: alternative.make(world.interval), world),  # noqa: B023
                world,
            )
            for pattern in patterns()
            if pattern.name in shown
        ]
        lines.append(_cells(alternative.name, results, shown))
    return "\n".join(lines)


def _cells(name: str, found: Sequence[Row], shown: Sequence[str]) -> str:
    by_pattern = {r.pattern: r for r in found}
    cells = [
        f"{by_pattern[p].hold:.2f} · {by_pattern[p].ratio:.2f} · {_seconds(by_pattern[p].delay)}"
        for p in shown
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def report(found: Sequence[Row]) -> str:
    """The section of docs/benchmarks.md: one line a pattern, three figures a policy."""
    lines = [
        "## Flush policies",
        "",
        "Simulated with the real policy, life cycle and packing, 20 ms round trip, interval 10 s. "
        "Each cell: hold per invocation in ms · billed bytes per logged byte · mean seconds until "
        "a line is in Firehose. [flush.md](flush.md) has the rest and the picture.",
        "",
        "| pattern | " + " | ".join(f"`{mode}`" for mode in MODES) + " |",
        "|---" * (len(MODES) + 1) + "|",
    ]
    for pattern in dict.fromkeys(r.pattern for r in found):
        cells = [
            f"{r.hold:.2f} · {r.ratio:.2f} · {_seconds(r.delay)}"
            for r in found
            if r.pattern == pattern
        ]
        lines.append(f"| {pattern} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write(found: Sequence[Row]) -> None:
    """Tables and picture into the documentation."""
    put({"patterns": legend(), "policies": table(found), "alternatives": alternatives(found)})
    draw(found)


def put(parts: Mapping[str, str], document: Path = DOCUMENT) -> None:
    """Texts between the markers of their names.

    Raises:
        ValueError: the document has no place for one.
    """
    text = document.read_text()
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        head, found_begin, rest = text.partition(begin)
        _, found_end, tail = rest.partition(end)
        if not found_begin or not found_end:
            raise ValueError(f"{document}: no part between {begin} and {end}")
        text = f"{head}{begin}\n\n{part.strip()}\n\n{end}{tail}"
    document.write_text(text)


def draw(found: Sequence[Row]) -> None:
    """The picture, by matplotlib in an environment of its own, made where there is none."""
    python = PLOTS / "bin" / "python"
    requirements = ROOT / "benchmarks" / "requirements" / "plots.txt"
    stamp = PLOTS / "installed"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        venv.create(PLOTS, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r",
             requirements], check=True,
        )  # fmt: skip
        stamp.write_text(requirements.read_text())
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [python, Path(__file__).with_name("flush_simulation_plot.py"), PICTURE],
        input=json.dumps([asdict(row) for row in found]), text=True, check=True,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flush_simulation")
    parser.add_argument("--write", action="store_true", help="into docs/flush.md and its picture")
    parser.add_argument("--round-trip", type=float, default=20, help="milliseconds (20)")
    parser.add_argument("--interval", type=float, default=10, help="seconds (10)")
    parser.add_argument("--line", type=int, default=200, help="bytes of a line (200)")
    options = parser.parse_args(arguments)
    world = World(
        round_trip=options.round_trip / 1000, interval=options.interval, line=options.line
    )
    if options.write and world != World():
        parser.error("--write is for the figures that everybody gets: no other options")
    found = rows(world)
    if options.write:
        write(found)
        return 0
    print(table(found))
    print(f"\n{alternatives(found, world)}")
    for pattern in dict.fromkeys(r.pattern for r in found):
        by = {r.policy: r for r in found if r.pattern == pattern}
        mix = of_a_mix(by[END], by[PERIODIC], by[ADAPTIVE])
        print(f"{pattern}: {mix:.2f} of end and periodic at random")
    return 0


if __name__ == "__main__":
    sys.exit(main())
