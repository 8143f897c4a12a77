"""The simulation against real processes and the local Firehose, both with the same small quota.

Each process is an environment with the package's own parts and transport, stopped by SIGSTOP
between invocations as Lambda freezes it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import heapq
import json
import os
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import HERE, ROOT
from benchmarks.fleet.arrivals import Arrivals
from benchmarks.fleet.service import REGIONS
from benchmarks.fleet.simulation import simulate
from benchmarks.fleet.world import COLD_BYTES, PLATFORM_BYTES, World
from benchmarks.stored import store
from local_firehose import DeliveryStream, LocalFirehose, Throughput

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = ROOT / "benchmarks" / "results" / "fleet_check.json"
STREAM = "logs"

#: Two fleets of 50: well below the quota, and a third above it. An invocation is about 6 KB, so 25
#: a second are 148 KB a second.
BELOW = World(50, gap=2, seconds=60, quota_share=0.06, round_trip=0.005)
ABOVE = replace(BELOW, quota_share=0.022)
FLEETS = {"below the quota": BELOW, "above the quota": ABOVE}

#: How far simulation and processes may be apart: as shares of the processes' figure, of all calls,
#: and in seconds. Both draw their own times; the machine is busy with 50 processes.
LINES_APART, CALLS_APART, SHARE_APART, SECONDS_APART = 0.10, 0.20, 0.12, 0.35


@dataclass
class Found:
    """What became of a fleet.

    Args:
        invocations: of all environments.
        accepted, delivered, lost, pending: lines, a call of the simulation's being one.
        calls: of PutRecordBatch.
        throttled_share: of them, in part or whole.
        billed_ratio: billed bytes for each byte delivered.
        delay_mean: seconds.
    """

    invocations: int
    accepted: int
    delivered: int
    lost: int
    pending: int
    calls: int
    throttled_share: float
    billed_ratio: float
    delay_mean: float


def check(say: Callable[[str], None]) -> bool:
    """Run both fleets both ways, and store the figures; False when they are too far apart."""
    fleets = {}
    good = True
    for name, world in FLEETS.items():
        say(f"{world.environments} processes, {name}")
        real = processes(world)
        made_up = simulated(world)
        apart = differences(real, made_up)
        good = good and not apart
        fleets[name] = {
            "quota_share": world.quota_share,
            "processes": _rounded(real),
            "simulation": _rounded(made_up),
            "too far apart": apart,
        }
    results = {
        "day": dt.datetime.now(tz=dt.timezone.utc).date().isoformat(),
        "environments": BELOW.environments,
        "seconds": BELOW.seconds,
        "tolerance": {
            "delivered lines, billed ratio": LINES_APART,
            "calls": CALLS_APART,
            "throttled share": SHARE_APART,
            "mean delay": f"{SECONDS_APART:.0%} or a quarter of a second",
        },
        "fleets": fleets,
    }
    store(RESULTS, results)
    print(json.dumps(fleets, indent=1))
    return good


def table(results: dict[str, Any]) -> str:
    """Both ways side by side, in Markdown."""
    lines = [
        "| | | lines delivered an invocation | calls an invocation | calls throttled "
        "| billed / delivered | mean delay, s |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, fleet in results["fleets"].items():
        for way in ("processes", "simulation"):
            row = fleet[way]
            each = row["invocations"]
            lines.append(
                f"| {name} | {way} | {row['delivered'] / each:.2f} | {row['calls'] / each:.2f} "
                f"| {row['throttled_share']:.1%} | {row['billed_ratio']:.2f} "
                f"| {row['delay_mean']:.2f} |"
            )
    tolerance = ", ".join(
        f"{name} {value:.0%}" if isinstance(value, float) else f"{name} {value}"
        for name, value in results["tolerance"].items()
    )
    apart = sum(len(fleet["too far apart"]) for fleet in results["fleets"].values())
    verdict = "all are within it" if not apart else f"{apart} are not within it"
    lines.append("")
    lines.append(
        f"{results['day']}, {results['environments']} environments, {results['seconds']:.0f} s "
        f"each. Tolerance: {tolerance}; {verdict}."
    )
    return "\n".join(lines)


def load() -> dict[str, Any]:
    """The figures of the last check."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def _rounded(found: Found) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in asdict(found).items()
    }


def differences(real: Found, made_up: Found) -> list[str]:
    """Figures that are further apart than they may be."""

    def share(name: str) -> float:
        its, ours = float(getattr(real, name)), float(getattr(made_up, name))
        each = its / real.invocations, ours / made_up.invocations
        return abs(each[0] - each[1]) / max(each[0], 1e-9)

    seconds = abs(real.delay_mean - made_up.delay_mean)
    ratio = abs(real.billed_ratio - made_up.billed_ratio)
    checks = {
        "delivered lines": share("delivered") <= LINES_APART,
        "calls": share("calls") <= CALLS_APART,
        "throttled share": abs(real.throttled_share - made_up.throttled_share) <= SHARE_APART,
        "billed ratio": ratio <= LINES_APART * real.billed_ratio,
        "mean delay": seconds <= max(0.25, SECONDS_APART * real.delay_mean),
        "lost lines": real.lost == made_up.lost == 0,
    }
    return [name for name, good in checks.items() if not good]


def simulated(world: World) -> Found:
    """The simulation's figures. Its lines of one kind in one invocation are one."""
    found = simulate(world)
    each = (world.lines + 1) / 2
    return Found(
        found.invocations, round(found.accepted * each), round(found.delivered * each), found.lost,
        round(found.pending * each), found.calls, found.throttled_share,
        found.billed_bytes / max(found.delivered_bytes, 1), found.delay_mean,
    )  # fmt: skip


def processes(world: World) -> Found:
    """The same with a process for each environment and a local Firehose."""
    quota = REGIONS[world.region]
    throughput = Throughput(
        quota.records_per_second * world.quota_share,
        quota.requests_per_second * world.quota_share,
        quota.bytes_per_second * world.quota_share,
    )
    with tempfile.TemporaryDirectory(prefix="fleet-") as bucket:
        stream = DeliveryStream(STREAM, bucket=Path(bucket), throughput=throughput)
        with LocalFirehose([stream]) as firehose:
            variables = {**os.environ, **firehose.environment(), "PYTHONPATH": str(ROOT)}
            fleet = _Fleet(world, variables)
            try:
                counts = fleet.run()
            finally:
                fleet.kill()
            calls = firehose.ledger.calls
            throttled = sum(call.outcome != "ok" for call in calls)
    total = {name: sum(int(c[name]) for c in counts) for name in ("accepted", "delivered")}
    raw, billed = (sum(int(c[f"{n}_bytes"]) for c in counts) for n in ("delivered", "billed"))
    timed = sum(int(c["timed"]) for c in counts)
    return Found(
        fleet.invocations, total["accepted"], total["delivered"],
        sum(sum(c["lost"].values()) for c in counts), sum(int(c["pending"]) for c in counts),
        len(calls), throttled / max(len(calls), 1), billed / max(raw, 1),
        sum(float(c["seconds"]) for c in counts) / max(timed, 1),
    )  # fmt: skip


class _Fleet:
    """Processes that are invoked by one schedule, and stand still in between."""

    def __init__(self, world: World, variables: dict[str, str]) -> None:
        self._world = world
        self.invocations = 0
        given = {
            "stream": STREAM, "flush": world.flush, "duration": world.duration,
            "lines": world.lines, "line_bytes": world.line_bytes,
            "platform_bytes": PLATFORM_BYTES, "cold_bytes": COLD_BYTES,
        }  # fmt: skip
        self._processes = [
            subprocess.Popen(
                [sys.executable, str(HERE / "children" / "fleet_process.py"), json.dumps(given)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, text=True,
            )
            for _ in range(world.environments)
        ]  # fmt: skip

    def run(self) -> list[dict[str, Any]]:
        """Until the time is over; what became of each one's lines."""
        for process in self._processes:
            self._read(process)
            process.send_signal(signal.SIGSTOP)
        selector = selectors.DefaultSelector()
        for process in self._processes:
            assert process.stdout is not None
            selector.register(process.stdout, selectors.EVENT_READ, process)
        try:
            return self._follow(selector)
        finally:
            selector.close()

    def _follow(self, selector: selectors.BaseSelector) -> list[dict[str, Any]]:
        arrivals = Arrivals(self._world.kind, self._world.gap)
        chance = random.Random(self._world.seed)
        begin = time.monotonic()
        due = [(arrivals.first(chance), n) for n in range(len(self._processes))]
        heapq.heapify(due)
        busy: set[int] = set()
        waiting: set[int] = set()
        numbers = {process.pid: n for n, process in enumerate(self._processes)}
        while (now := time.monotonic() - begin) < self._world.seconds:
            while due and due[0][0] <= now:
                at, number = heapq.heappop(due)
                heapq.heappush(due, (arrivals.after(at, chance), number))
                if number in busy:
                    waiting.add(number)
                else:
                    busy.add(number)
                    self._invoke(number)
            for key, _ in selector.select(max(0.0, min(due[0][0] - now, 0.5))):
                process = key.data
                self._read(process)
                number = numbers[process.pid]
                if number in waiting:
                    waiting.discard(number)
                    self._invoke(number)
                else:
                    process.send_signal(signal.SIGSTOP)
                    busy.discard(number)
        return [self._end(number, number in busy) for number in range(len(self._processes))]

    def _invoke(self, number: int) -> None:
        self.invocations += 1
        process = self._processes[number]
        process.send_signal(signal.SIGCONT)
        self._write(process, "invoke")

    def _end(self, number: int, is_busy: bool) -> dict[str, Any]:
        process = self._processes[number]
        process.send_signal(signal.SIGCONT)
        self._write(process, "end")
        if is_busy:
            self._read(process)
        found: dict[str, Any] = json.loads(self._read(process))
        process.wait(20)
        return found

    @staticmethod
    def _read(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"process {process.pid} of the fleet has ended")
        return line

    @staticmethod
    def _write(process: subprocess.Popen[str], word: str) -> None:
        assert process.stdin is not None
        process.stdin.write(word + "\n")
        process.stdin.flush()

    def kill(self) -> None:
        """End what is left of them."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
