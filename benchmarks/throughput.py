"""CPU and memory from `logger.info` to confirmed delivery: `python -m benchmarks.throughput`.

Beside a commit, in alternating processes, over TLS to a local Firehose, with a flush every 20,000
lines. Of the rounds of a size the least counts: other work on the machine makes nothing quicker.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import tables
from benchmarks.against import layer_of, tree_of
from benchmarks.anchor import ANCHOR
from benchmarks.candidates import ROOT, set_up_runtime
from benchmarks.flush_simulation import put
from benchmarks.hot_path import BETWEEN, throughput_from
from benchmarks.measure import machine
from benchmarks.services import Services
from benchmarks.stages import PAGE
from benchmarks.stored import store, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

RESULTS = Path(__file__).resolve().parent / "results" / "throughput.json"

#: Lines from which on the first call, made once, is no part worth speaking of.
STEADY = 10_000

#: Lines, and rounds of so many.
SIZES = {1_000: 9, 10_000: 7, 100_000: 5, 1_000_000: 2, 10_000_000: 1}


def measure(layers: dict[str, Path], sizes: dict[int, int]) -> list[dict[str, Any]]:
    """A row for each size and layer.

    Args:
        layers: folders for Python, by name.
        sizes: rounds by number of lines.
    """
    rows: list[dict[str, Any]] = []
    with Services(tls=True, keeps=False) as services:
        for lines, rounds in sizes.items():
            found: dict[str, list[dict[str, Any]]] = {name: [] for name in layers}
            for number in range(rounds):
                print(f"{lines:,} lines, round {number + 1} of {rounds}", file=sys.stderr)
                for name in list(layers)[:: 1 if number % 2 else -1]:
                    found[name].append(throughput_from(layers[name], lines, services))
            for name, runs in found.items():
                row = {
                    "tree": name,
                    "lines": lines,
                    "us of CPU a line": round(min(run["cpu"] for run in runs) / lines * 1e6, 2),
                    "us a line": round(min(run["seconds"] for run in runs) / lines * 1e6, 2),
                    "MiB at most": round(max(run["mib"] for run in runs), 1),
                }
                rows.append(row)
    return rows


def report(result: Mapping[str, Any]) -> str:
    """The part of docs/performance.md."""
    trees = list(dict.fromkeys(row["tree"] for row in result["runs"]))
    rows = {(row["lines"], row["tree"]): row for row in result["runs"]}
    sizes = list(dict.fromkeys(row["lines"] for row in result["runs"]))
    cpu, mib = "us of CPU a line", "MiB at most"
    table = [
        (
            f"{lines:,}",
            *(f"{rows[lines, tree][cpu]:.1f}" for tree in trees),
            *(f"{rows[lines, tree][mib]:.1f}" for tree in trees),
        )
        for lines in sizes
    ]
    head = ("lines", *(f"{what}, {tree}" for what in (cpu, mib) for tree in trees))
    many = [rows[lines, "now"] for lines in sizes if lines >= STEADY]
    low, high = min(result["load"]), max(result["load"])
    return (
        f"Measured on {result['day']} at a load of {low:g} to {high:g} on "
        f"{result['machine']['cores']} cores:\n\n{tables.markdown(table, head)}\n\n"
        f"From {STEADY:,} lines on, a line takes {_range(many, cpu)} us of CPU now, and the "
        f"process has {_range(many, mib)} MiB at most."
    )


def _range(rows: list[Mapping[str, Any]], key: str) -> str:
    values = [row[key] for row in rows]
    return f"{min(values):.1f} to {max(values):.1f}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("commit", nargs="?", default=ANCHOR)
    parser.add_argument("--most", type=int, default=max(SIZES), help="lines of the largest size")
    parser.add_argument("--write", action="store_true", help="into the stored file and the page")
    options = parser.parse_args()
    set_up_runtime(lambda text: print(text, file=sys.stderr, flush=True))
    tree, full = tree_of(options.commit)
    layers = {full[:7]: layer_of(tree, full[:12]), "now": layer_of(ROOT, "now")}
    load = os.getloadavg()[0]
    rows = measure(layers, {lines: n for lines, n in SIZES.items() if lines <= options.most})
    result = {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "flush every lines": BETWEEN,
        "runs": rows,
    }
    if options.write:
        store(RESULTS, result)
        put({"throughput": report(result)}, PAGE)
    print(text_of(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
