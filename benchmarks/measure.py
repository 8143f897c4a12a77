"""Runs the sections and keeps what they measured: every figure, and what the page is made of."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import (
    anchor,
    candidates,
    cost,
    cost_bytes,
    environments,
    flush_simulation,
    hold,
    hot_path,
)
from benchmarks.paired import alternate
from benchmarks.services import Services

if TYPE_CHECKING:
    from pathlib import Path

Say = Callable[[str], None]

#: Every figure of the last run.
RAW = candidates.BUILD / "results.json"
#: What the page is made of.
STORED = candidates.HERE / "results" / "bench.json"
#: Digits of a stored number, from its first one on; of the ratios of log calls, which are many.
DIGITS, RATIO_DIGITS = 5, 3
#: Of everything that is measured with a network between.
ROUND_TRIP = 0.020


@dataclass(frozen=True)
class Plan:
    """How often each thing is done.

    Args:
        cold: rounds of cold starts, every candidate in each, in both environments.
        delivery: rounds to the first delivery, every sender in each, plain and over TLS.
        log_rounds: by number of threads.
        log_calls: in a round, of each logger and record.
        sizes: lines of the throughput runs of ours.
        senders: rounds of the comparison of all senders' throughput.
        hold: invocations for each policy.
        warm: invocations without a flush.
        lines: invocations with three lines, every sender.
        shutdown: shutdowns with 1 MiB pending.
        hung: shutdowns with 1 MiB in a call that hangs; each takes seconds, for the hold.
        seconds: after which cold starts, and first deliveries, begin no further round.
    """

    cold: int = 41
    delivery: int = 25
    log_rounds: Mapping[int, int] = field(default_factory=lambda: {1: 150, 8: 50})
    log_calls: int = 100
    sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    senders: int = 7
    hold: int = 200
    warm: int = 400
    lines: int = 60
    shutdown: int = 31
    hung: int = 15
    seconds: float = 600.0


FULL = Plan()
QUICK = Plan(
    cold=7,
    delivery=5,
    log_rounds={1: 20, 8: 6},
    sizes=(1_000, 10_000, 100_000),
    senders=1,
    hold=60,
    warm=150,
    lines=10,
    shutdown=9,
    hung=3,
    seconds=30.0,
)


def run(plan: Plan, only: str, say: Say) -> dict[str, Any]:
    """Everything measured, ready for JSON.

    Args:
        plan: how often.
        only: sections whose name holds this text; all when empty.
        say: progress.
    """
    began = time.monotonic()
    sections: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        if only in name:
            sections[name] = section(plan, _told(name, say))
    return {
        "plan": asdict(plan),
        "machine": machine(),
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "versions": {c.name: c.version() for c in candidates.ALL},
        "runtime": candidates.pinned("runtime"),
        "seconds": round(time.monotonic() - began),
        "sections": sections,
    }


def _told(name: str, say: Say) -> Say:
    return lambda text: say(f"{name}: {text}")


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = [line.partition(":")[2].strip() for line in info if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """What the page is made of: as many digits of each number as it can need."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, Mapping):
        return {
            key: rounded(part, RATIO_DIGITS if key == "ratios" else digits)
            for key, part in value.items()
            if key not in ("modules", "least")
        }
    if isinstance(value, (list, tuple)):
        return [rounded(part, digits) for part in value]
    return value


def save(results: Mapping[str, Any]) -> None:
    """Keep every figure of a run."""
    RAW.parent.mkdir(parents=True, exist_ok=True)
    RAW.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def store(results: Mapping[str, Any], path: Path = STORED) -> None:
    """Keep what the page is made of, a line for each section."""
    head = {name: value for name, value in results.items() if name != "sections"}
    sections = ",\n".join(
        f'"{name}":{json.dumps(section, separators=(",", ":"))}'
        for name, section in results["sections"].items()
    )
    text = json.dumps(head, separators=(",", ":"))
    path.write_text(f'{text[:-1]},\n"sections":{{\n{sections}\n}}}}\n', encoding="utf-8")


def load(path: Path = STORED) -> dict[str, Any]:
    """What the page is made of: ``rounded`` results of the last run.

    Raises:
        SystemExit: nothing was.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"bench: no {path}: measure first (make bench)") from None
    return found


def _cold(plan: Plan, say: Say) -> Any:
    """Both environments in the same rounds."""

    def both(name: str) -> dict[str, dict[str, float]]:
        candidate = who[name]
        return {
            "rie": environments.cold_start_rie(candidate, services),
            "local": environments.cold_start_local(candidate, services),
        }

    who = {candidate.name: candidate for candidate in (*candidates.ALL, *anchor.then())}
    names = list(who)
    with Services() as services:
        say("each once, so that all files are in memory")
        for name in names:
            both(name)
        return alternate(names, plan.cold, both, say, plan.seconds)


def _delivery(plan: Plan, say: Say) -> Any:
    who = {candidate.name: candidate for candidate in (*candidates.DELIVERING, *anchor.then())}
    with Services() as plain, Services(tls=True) as tls:

        def both(name: str) -> dict[str, dict[str, float]]:
            candidate = who[name]
            return {
                "http": environments.first_delivery(candidate, plain),
                "tls": environments.first_delivery(candidate, tls),
            }

        return alternate(list(who), plan.delivery, both, say, plan.seconds)


def _log_call(plan: Plan, say: Say) -> Any:
    found: dict[str, Any] = hot_path.log_calls(plan.log_rounds, plan.log_calls, say)
    found[hot_path.CAPTURED] = hot_path.captured(plan.log_rounds[1], plan.log_calls, say)
    return found


def _throughput(plan: Plan, say: Say) -> Any:
    names = [candidate.name for candidate in candidates.DELIVERING if candidate.delivers_to]
    with Services() as services:

        def one(name: str) -> dict[str, Any]:
            return hot_path.throughput_of(candidates.BY_NAME[name], services)

        return {
            "sizes": hot_path.throughput(plan.sizes, services, say),
            "senders": alternate(names, plan.senders, one, say),
        }


def _billed(plan: Plan, say: Say) -> Any:
    """Counted, not timed: once is enough."""
    del plan
    say("billed bytes")
    return cost_bytes.counted()


def _month(plan: Plan, say: Say) -> Any:
    """Bills of the simulated traffic."""
    del plan
    say("the bill")
    return [asdict(bill) for bill in cost.bills(cost.Month(), cost.Prices())]


def _policies(plan: Plan, say: Say) -> Any:
    """The simulation of flush policies."""
    del plan
    say("simulated")
    return [asdict(row) for row in flush_simulation.rows()]


def _hold(plan: Plan, say: Say) -> Any:
    with Services(round_trip=ROUND_TRIP) as services:
        found: dict[str, Any] = {"round_trip": hold.round_trips(30, services)}
        for mode in ("end", "periodic", "adaptive"):
            found[mode] = hold.holds(mode, plan.hold, services, say)
        return found


def _warm(plan: Plan, say: Say) -> Any:
    with Services(round_trip=ROUND_TRIP) as services:
        return {
            "without": hold.without_flush(plan.warm, services, say),
            "lines": hold.with_lines(candidates.DELIVERING, plan.lines, services, say),
        }


def _shutdown(plan: Plan, say: Say) -> Any:
    with Services(round_trip=ROUND_TRIP) as services:
        return {
            "at rest": hold.shutdowns(plan.shutdown, services, say),
            "hung": hold.shutdowns(plan.hung, services, say, hung=True),
        }


SECTIONS: dict[str, Callable[[Plan, Say], Any]] = {
    "cold start": _cold,
    "first delivery": _delivery,
    "log call": _log_call,
    "throughput": _throughput,
    "billed": _billed,
    "month": _month,
    "flush policies": _policies,
    "hold": _hold,
    "warm": _warm,
    "shutdown": _shutdown,
}
