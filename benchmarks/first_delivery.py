"""CPU to the first delivery over TLS beside a commit: `python -m benchmarks.first_delivery`.

What a function pays for the package from the start of its process to the second invocation, beside
the bare function, in alternating rounds in the local Lambda, with botocore's whole bundle of
authorities and one more.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks import candidates, environments
from benchmarks.against import layer_of, tree_of
from benchmarks.anchor import ANCHOR
from benchmarks.candidates import BARE, ROOT, Built, Candidate
from benchmarks.measure import machine
from benchmarks.paired import alternate, figure
from benchmarks.services import Services
from benchmarks.stored import store, text_of

RESULTS = Path(__file__).resolve().parent / "results" / "first_delivery.json"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_delivery")
    parser.add_argument("commit", nargs="?", default=ANCHOR)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--write", action="store_true", help=f"into results/{RESULTS.name}")
    options = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    candidates.set_up(say)
    tree, full = tree_of(options.commit)
    layers = {"then": layer_of(tree, full[:12]).parent, "now": layer_of(ROOT, "now").parent}
    who: dict[str, Candidate] = {"bare": BARE}
    for name, folder in layers.items():
        who[name] = Built(name, "bare", ours=True, folder=folder)
    load = os.getloadavg()[0]
    with Services(tls=True) as services:
        rows = alternate(
            list(who),
            options.rounds,
            lambda name: environments.first_delivery(who[name], services),
            say,
        )
    added = {
        name: [
            mine["cpu_ms"] - its["cpu_ms"]
            for mine, its in zip(rows[name], rows["bare"], strict=True)
        ]
        for name in layers
    }
    result = {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "rounds": options.rounds,
        "commit": full[:7],
        "bare, ms of CPU": figure([row["cpu_ms"] for row in rows["bare"]]).show(),
        "added then, ms of CPU": figure(added["then"]).show(),
        "added now, ms of CPU": figure(added["now"]).show(),
        "least then, now": [round(min(added["then"]), 1), round(min(added["now"]), 1)],
        "now / then, medians": round(figure(added["now"]).median / figure(added["then"]).median, 3),
        "now / then, of each round": figure(
            [now / then for now, then in zip(added["now"], added["then"], strict=True)]
        ).show(3),
    }
    if options.write:
        store(RESULTS, result)
    print(text_of(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
