"""Runs the sections and keeps what they measured, as one JSON file."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks import candidates, cost_bytes, environments, hold, hot_path
from benchmarks.cost_lines import real_bodies, short_bodies
from benchmarks.paired import alternate
from benchmarks.services import Services

if TYPE_CHECKING:
    from pathlib import Path

Say = Callable[[str], None]

RESULTS = candidates.BUILD / "results.json"
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
        seconds: after which cold starts, and first deliveries, begin no further round.
    """

    cold: int = 41
    delivery: int = 25
    log_rounds: Mapping[int, int] = field(default_factory=lambda: {1: 300, 8: 60})
    log_calls: int = 100
    sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    senders: int = 7
    hold: int = 300
    warm: int = 400
    lines: int = 60
    shutdown: int = 31
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


def save(results: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Keep what was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def load(path: Path = RESULTS) -> dict[str, Any]:
    """What was measured last.

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
        candidate = candidates.BY_NAME[name]
        return {
            "rie": environments.cold_start_rie(candidate, services),
            "local": environments.cold_start_local(candidate, services),
        }

    names = [candidate.name for candidate in candidates.ALL]
    with Services() as services:
        say("each once, so that all files are in memory")
        for name in names:
            both(name)
        return alternate(names, plan.cold, both, say, plan.seconds)


def _delivery(plan: Plan, say: Say) -> Any:
    names = [candidate.name for candidate in candidates.DELIVERING]
    with Services() as plain, Services(tls=True) as tls:

        def both(name: str) -> dict[str, dict[str, float]]:
            candidate = candidates.BY_NAME[name]
            return {
                "http": environments.first_delivery(candidate, plain),
                "tls": environments.first_delivery(candidate, tls),
            }

        return alternate(names, plan.delivery, both, say, plan.seconds)


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
    found: dict[str, Any] = {}
    for lines, bodies in (("200 B lines", short_bodies), ("lines of ours", real_bodies)):
        say(lines)
        for gzip in (False, True):
            flushes = cost_bytes.measure(bodies(Random(1)), gzip=gzip)
            found.setdefault(lines, {})["gzip" if gzip else "none"] = [
                {
                    "size": size,
                    "ratio": flush.ratio,
                    "line_by_line": flush.line_by_line / flush.raw,
                }
                for size, flush in zip(cost_bytes.SIZES, flushes, strict=True)
            ]
    return found


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
        return hold.shutdowns(plan.shutdown, services, say)


SECTIONS: dict[str, Callable[[Plan, Say], Any]] = {
    "cold start": _cold,
    "first delivery": _delivery,
    "log call": _log_call,
    "throughput": _throughput,
    "billed": _billed,
    "hold": _hold,
    "warm": _warm,
    "shutdown": _shutdown,
}
