"""Functions of little memory: `python -m benchmarks.small --write`.

Lambda gives a function a share of a processor in proportion to its memory: a fourteenth at 128 MB.
Cold start, first invocation and log call of each candidate at such shares, by a quota of a control
group; where this machine has none, by stopping the process most of the time, and then without cold
starts, which such a clock cannot begin with. Rounds alternate, as everywhere here.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import candidates, environments, hold, page, tables
from benchmarks.candidates import BARE, BY_NAME, OURS
from benchmarks.measure import machine
from benchmarks.paired import alternate, figure
from benchmarks.services import Services
from benchmarks.stored import store
from tools.processor_share import limited, quota

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RESULTS = Path(__file__).resolve().parent / "results" / "small.json"

#: Shares of a processor, and the memory that Lambda gives them for (1,769 MB are a whole one:
#: Lambda developer guide, "Configure Lambda function memory").
SHARES = {"1/14": (1 / 14, 128), "1/8": (1 / 8, 221), "1/2": (1 / 2, 885)}
WHO = (BARE.name, OURS.name, "Powertools Logger", "OpenTelemetry logs, OTLP")
#: Lines of the invocation whose log calls are timed.
LINES = 1_000
#: Seconds that a call to Firehose or to the collector takes.
ROUND_TRIP = 0.020


def one(name: str, share: float, services: Services) -> dict[str, float]:
    """Milliseconds of a candidate's cold start, first invocation, hold and log call."""
    candidate = BY_NAME[name]
    found: dict[str, float] = {}
    with quota(share) as group:
        if group is not None:
            cold = environments.cold_start_rie(candidate, services, group)
            found = {"cold": cold["ms"], "cold_cpu": cold["cpu_ms"]}
    end = {"FIREHOSE_LOGGING_FLUSH": "end"} if candidate.ours else {}
    with ExitStack() as stack:
        env = stack.enter_context(environments.local(candidate, services, end, timeout=60.0))
        env.init()
        pid = env.pid
        if pid is None:
            raise SystemExit(f"bench: {name} has no process after Init")
        stack.enter_context(limited(pid, share))
        found["first"] = _invoke(env, {})
        # A later one flushes, too: what they differ in is the log calls.
        few, many = (_invoke(env, {"lines": lines}) for lines in (0, LINES))
        found["log_us"] = (many - few) / LINES * 1000
        found["hold"] = hold.response_to_rest(env.timeline)[0]
    return found


def _invoke(env: Any, event: Mapping[str, int]) -> float:
    answer = env.invoke(event)
    if not env.wait_idle(60.0):
        raise SystemExit("bench: no rest after an invocation")
    return float(answer.answered_after * 1000)


def run(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Every share and candidate, ready for JSON."""
    found: dict[str, Any] = {}
    with Services(round_trip=ROUND_TRIP) as services:
        for label, (share, _) in SHARES.items():

            def measured(name: str, share: float = share) -> dict[str, float]:
                return one(name, share, services)

            def told(text: str, label: str = label) -> None:
                say(f"{label}: {text}")

            found[label] = alternate(WHO, rounds, measured, told)
    with limited(os.getpid(), 1.0) as how:
        pass
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "by": how,
        "load": round(os.getloadavg()[0], 1),
        "rounds": rounds,
        "shares": found,
    }


def report(results: Mapping[str, Any]) -> str:
    """The part of docs/benchmarks.md."""
    table = []
    for label, rows in results["shares"].items():
        for name in rows:
            table.append((f"{label} ({SHARES[label][1]} MB)", name, *_cells(rows, name)))
    head = ("processor (memory)", "what", "cold start, ms", "times bare")
    rest = ("first invocation, ms", "hold after it, ms", "log call, us", "times bare")
    by = "a control group's quota" if results["by"] == "quota" else "SIGSTOP and SIGCONT"
    return (
        f"Measured on {results['day']}, {results['rounds']} rounds, shares by {by}; medians, and "
        f"ratios of the same round, at a load of {results['load']:g} on "
        f"{results['machine']['cores']} cores. CPU is what a small function has least of: read the "
        "ratios, the milliseconds are this machine's, with whatever else ran on it.\n\n"
        f"{tables.markdown(table, (*head, *rest))}"
    )


def _cells(rows: Mapping[str, Sequence[Mapping[str, float]]], name: str) -> list[str]:
    def median(key: str, digits: int) -> str:
        values = [row[key] for row in rows[name] if key in row]
        return f"{figure(values).median:,.{digits}f}" if values else "-"

    def ratio(key: str) -> str:
        pairs = zip(rows[name], rows[BARE.name], strict=True)
        values = [mine[key] / its[key] for mine, its in pairs if key in mine and its[key] > 0]
        return f"{figure(values).median:.2f}" if values else "-"

    return [
        median("cold", 0),
        ratio("cold"),
        median("first", 0),
        median("hold", 0),
        median("log_us", 0),
        ratio("log_us"),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md, too")
    options = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    candidates.set_up(say)
    results = run(options.rounds, say)
    if options.write:
        store(RESULTS, results)
        text = page.PAGE.read_text(encoding="utf-8")
        page.PAGE.write_text(
            page.replaced(text, "small functions", report(results)), encoding="utf-8"
        )
    print(report(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
