"""What the caller notices while Firehose is gone: pairs of invocations, bare and with the layer."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from local_firehose import Fault

from .cell import call
from .deployment import Deployment, holds

if TYPE_CHECKING:
    from pathlib import Path

GONE = {
    "well": (),
    "refused": (Fault.refuse(),),
    "unavailable": (Fault.unavailable(),),
    "black hole": (Fault.black_hole(),),
    "never answers": (Fault.hang(),),
    "drips": (Fault.drip(1_000),),
}
POLICIES = ("end", "periodic", "adaptive")

HEAD = (
    "| Firehose | policy | answer, ms more than bare | invocations a minute, bare | with the layer "
    "| hold, median ms | hold, max ms | holds over 100 ms |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|\n"
)


def table(layer: Path, pairs: int = 200) -> str:
    """Measure ``pairs`` of invocations for each way to be gone and each policy."""
    rows = []
    for name, faults in GONE.items():
        for policy in POLICIES:
            rows.append(f"| {name} | {policy} | {_row(layer, faults, policy, pairs)} |\n")
            print(f"  {name}, {policy}: {rows[-1].strip()}", flush=True)
    return HEAD + "".join(rows)


def _row(layer: Path, faults: tuple[Fault, ...], policy: str, pairs: int) -> str:
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    whole = {"bare": 0.0, "ours": 0.0}
    with (
        Deployment(None) as bare_one,
        Deployment(layer, {"FIREHOSE_LOGGING_FLUSH": policy}) as our_one,
        bare_one.environment() as bare,
        our_one.environment() as ours,
    ):
        our_one.firehose.faults.set(*faults)
        call(bare, {"lines": 1})
        call(ours, {"lines": 1})
        for number in range(pairs):
            both = [("bare", bare), ("ours", ours)]
            for name, environment in both if number % 2 else reversed(both):
                began = time.perf_counter()
                answer = call(environment, {"first": 10 * number, "lines": 10})
                whole[name] += time.perf_counter() - began
                times[name].append(answer.answered_after)
        more = [o - b for o, b in zip(times["ours"], times["bare"], strict=True)]
        held_for = holds(ours)
        return " | ".join(
            (
                f"{statistics.median(more) * 1000:.1f}",
                f"{60 * pairs / whole['bare']:.0f}",
                f"{60 * pairs / whole['ours']:.0f}",
                f"{statistics.median(held_for):.1f}",
                f"{max(held_for):.0f}",
                f"{sum(hold > 100 for hold in held_for)} of {len(held_for)}",
            )
        )
