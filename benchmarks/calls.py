"""What a function pays to say something, in AWS's emulator: `python -m benchmarks.calls --write`.

A log call, a print and the rest, timed in a real function (``functions/calls.py``), with the layer
of this tree, with that of a commit, and bare. In a round all environments are up at once and take
turns call block by call block, so that whatever else the machine does meets all of them; ratios
are to the bare function of the same round. Nothing is delivered meanwhile; afterwards it is
checked that each line is where it belongs.

The emulator reads the function's output through a pipe, at once, and adds it to a file. A writer
would be held when the 64 KiB of the pipe are full (pipe(7)): a block writes less than that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import candidates, tables
from benchmarks.against import layer_of, tree_of
from benchmarks.anchor import ANCHOR
from benchmarks.candidates import FUNCTIONS, ROOT, STREAM
from benchmarks.flush_simulation import put
from benchmarks.measure import machine
from benchmarks.paired import figure
from benchmarks.services import Services
from benchmarks.stages import PAGE
from benchmarks.stored import store
from tools import rie

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RESULTS = Path(__file__).resolve().parent / "results" / "calls.json"

#: Calls of a block by step; 8 threads share theirs. A block writes less than a pipe holds.
CALLS = {
    "log call, two extras": 200,
    "print": 200,
    "stderr": 200,
    "warning": 100,
    "exception": 50,
    "log call, 8 threads": 400,
}
#: Blocks of each step in a round, after one that is not counted. All lines of a round are less than
#: the 2 MB that are sent without being asked for.
BLOCKS = 4
#: Most that a step may take, as a multiple of bare: with passthrough, without.
TARGETS = {"log call, two extras": "1.6, 0.75", "print": "2.0, 1.0"}
BARE = "bare"


@dataclass(frozen=True)
class Environment:
    """Where the function runs.

    Args:
        name: in results.
        layer: laid out as /opt; None for the bare function.
        passthrough: whether lines also go to the runtime's own output.
    """

    name: str
    layer: Path | None = None
    passthrough: bool = True

    def start(self, services: Services, scratch: Path, python: Path, stack: ExitStack) -> rie.Rie:
        """An emulator that runs until the stack closes.

        Args:
            services: where lines go.
            scratch: a folder of its own: a journal that another left would be taken over.
            python: has the runtime client.
            stack: stops it.
        """
        folder = scratch / self.name.replace(" ", "-")
        folder.mkdir()
        variables = {
            **services.variables(),
            **services.credentials(),
            "AWS_LAMBDA_FUNCTION_NAME": self.name.replace(" ", "-"),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            "AWS_LAMBDA_LOG_FORMAT": "Text",
            "FIREHOSE_LOGGING_FLUSH": "periodic",
            "FIREHOSE_LOGGING_INTERVAL": "900",
            "FIREHOSE_LOGGING_PASSTHROUGH": "on" if self.passthrough else "off",
            "TMPDIR": str(folder),
        }
        emulator = rie.Rie(
            FUNCTIONS, "calls.handler", folder, python=python, layer=self.layer,
            environment=variables, log_level="error",
        )  # fmt: skip
        return stack.enter_context(emulator)


def environments(layers: Mapping[str, Path]) -> list[Environment]:
    """The bare one, and each layer with and without passthrough.

    Args:
        layers: laid out as /opt, by name.
    """
    found = [Environment(BARE)]
    for name, layer in layers.items():
        found += [Environment(f"{name} on", layer), Environment(f"{name} off", layer, False)]
    return found


def one_round(
    who: Sequence[Environment], python: Path, calls: Mapping[str, int], blocks: int, shift: int
) -> dict[str, dict[str, dict[str, float]]]:
    """By step and environment, microseconds a call: least and median of the blocks.

    Args:
        who: the environments.
        python: has the runtime client.
        calls: of a block, by step.
        blocks: that are counted; one more of each step goes before.
        shift: who begins.

    Raises:
        SystemExit: a call failed, or lines are not where they belong.
    """
    times: dict[str, dict[str, list[Any]]] = {step: {one.name: [] for one in who} for step in calls}
    marks: dict[str, str] = {}
    with Services() as services, tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        with ExitStack() as stack:
            running = {
                one.name: one.start(services, Path(scratch), python, stack)
                for one in _turned(who, shift)
            }
            for block in range(blocks + 1):
                for at, (step, number) in enumerate(calls.items()):
                    for name in _turned(list(running), block + at):
                        answer = running[name].invoke({"step": step, "calls": number}).body
                        if "cpu" not in answer:
                            raise SystemExit(f"bench: {step}, {name}: {answer}")
                        marks[step] = answer["mark"]
                        if block:
                            times[step][name].append(answer)
            if services.firehose.ledger.records:
                raise SystemExit("bench: lines were delivered while calls were timed")
        outputs = {name: emulator.output for name, emulator in running.items()}
        arrived = _arrived(services, marks)
    for one in who:
        for step, number in calls.items():
            wanted = number * (blocks + 1)
            expect(f"{step}, {one.name}, Firehose", arrived[one.name.replace(" ", "-"), step],
                  wanted if one.layer else 0)  # fmt: skip
            expect(f"{step}, {one.name}, output", outputs[one.name].count(marks[step]),
                  wanted if one.passthrough else 0)  # fmt: skip
    return {
        step: {name: _summary(answers) for name, answers in by_name.items()}
        for step, by_name in times.items()
    }


def _turned(names: Sequence[Any], shift: int) -> list[Any]:
    """From another one each time, and every other time backwards."""
    at = shift % len(names)
    order = [*names[at:], *names[:at]]
    return order if shift % 2 else order[::-1]


def _arrived(services: Services, marks: Mapping[str, str]) -> Counter[tuple[Any, str]]:
    services.firehose.flush()
    found: Counter[tuple[Any, str]] = Counter()
    for line in services.firehose.stream(STREAM).lines():
        for step, mark in marks.items():
            if mark in (line.get("message") or ""):
                found[line.get("functionName"), step] += 1
    return found


def expect(what: str, found: int, wanted: int) -> None:
    """Lines of a step in one place.

    Raises:
        SystemExit: there are more or fewer than were to be there.
    """
    if found != wanted:
        raise SystemExit(f"bench: {what}: {found} lines, {wanted} were to be there")


def _summary(answers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {
        f"{word} {key}": round(of([answer[key] for answer in answers]), 2)
        for key in ("cpu", "wall")
        for word, of in (("least", min), ("median", statistics.median))
    }


def run(
    layers: Mapping[str, Path], rounds: int, python: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Every round, ready for JSON.

    Args:
        layers: laid out as /opt, by name.
        rounds: how many.
        python: has the runtime client.
        say: progress.
    """
    who = environments(layers)
    load = os.getloadavg()[0]
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for step, by_name in one_round(who, python, CALLS, BLOCKS, number).items():
            for name, values in by_name.items():
                kept = found.setdefault(step, {}).setdefault(name, {})
                for key, value in values.items():
                    kept.setdefault(key, []).append(value)
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "rounds": rounds,
        "blocks": BLOCKS,
        "calls of a block": CALLS,
        "us a call": found,
    }


def report(results: Mapping[str, Any]) -> str:
    """The part of docs/performance.md."""
    steps = results["us a call"]
    others = [name for name in next(iter(steps.values())) if name != BARE]
    columns = ("step", "bare, us", *(f"{name} / bare" for name in others), "target, on, off")
    table, clock = [], []
    for step, by_name in steps.items():
        bare = by_name[BARE]
        ratios = [_ratios(by_name[name], bare, "least cpu") for name in others]
        table.append(
            (
                *(step, f"{figure(bare['least cpu']).median:.1f}"),
                *(f"{figure(found).show(2)}, {min(found):.2f}" for found in ratios),
                TARGETS.get(step, "-"),
            )
        )
        wall = (_ratios(by_name[name], bare, "median wall") for name in others)
        cells = (f"{figure(found).median:.2f}" for found in wall)
        clock.append((step, f"{figure(bare['median wall']).median:.1f}", *cells))
    low, high = min(results["load"]), max(results["load"])
    return (
        f"Measured on {results['day']}, {results['rounds']} rounds, at a load of {low:g} to "
        f"{high:g} on {results['machine']['cores']} cores, Python {results['machine']['python']}. "
        "CPU of a call: of each round the least of its blocks, as a multiple of the bare "
        "function's in the same round; median (quartiles), least of the rounds.\n\n"
        f"{tables.markdown(table, columns)}\n\n"
        "By the clock on the wall, median of the blocks, median of the rounds:\n\n"
        f"{tables.markdown(clock, columns[:-1])}"
    )


def _ratios(
    mine: Mapping[str, Sequence[float]], its: Mapping[str, Sequence[float]], key: str
) -> list[float]:
    return [one / other for one, other in zip(mine[key], its[key], strict=True)]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls")
    parser.add_argument("commit", nargs="?", default=ANCHOR, help="what stands beside")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="into the stored file and the page")
    options = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    candidates.set_up_runtime(say)
    tree, full = tree_of(options.commit)
    layers = {"now": layer_of(ROOT, "now").parent, full[:7]: layer_of(tree, full[:12]).parent}
    results = run(layers, options.rounds, candidates.runtime(), say)
    if options.write:
        store(RESULTS, results)
        put({"calls": report(results)}, PAGE)
    print(report(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
