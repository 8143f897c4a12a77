"""The command line: run the fault matrix, the kill test, the soak, the fuzzers, the mutants."""

from __future__ import annotations

import argparse
import sys
import time

from . import impact, kill, matrix, report, soak, undelivered
from .cell import Cell
from .deployment import built_layer


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 1 when a promise is broken."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    good = bool(options.run(options))
    print(f"{'good' if good else 'BROKEN'}, {time.monotonic() - began:.0f} s")
    return 0 if good else 1


def _matrix(options: argparse.Namespace) -> bool:
    chosen = matrix.sample() if options.short else matrix.cells(options.ends)
    if options.only:
        chosen = [cell for cell in chosen if options.only in str(cell)]
    print(f"fault matrix, {len(chosen)} cells")
    outcomes = matrix.run_all(chosen)
    table = matrix.table(outcomes)
    if options.write:
        report.write("matrix", table)
    else:
        print(table)
    return all(outcome.good for outcome in outcomes)


def _undelivered(options: argparse.Namespace) -> bool:
    chosen = undelivered.cells()
    print(f"nothing delivered, everything in the runtime's output, {len(chosen)} cells")
    results = undelivered.run_all(chosen)
    for result in results:
        if not result.good:
            print(f"  {result}")
    if options.write:
        report.write("undelivered", undelivered.table(results))
    else:
        print(undelivered.table(results))
    return all(result.good for result in results)


def _kill(options: argparse.Namespace) -> bool:
    print(f"kill test, {options.kills} SIGKILLs")
    with built_layer() as layer:
        result = kill.run(layer, options.kills, options.seed)
    print(f"  {result}")
    if options.write:
        report.write("kill", f"{result}.")
    return result.good


def _soak(options: argparse.Namespace) -> bool:
    print(f"soak, {options.minutes} minutes")
    with built_layer() as layer:
        result = soak.run(layer, options.minutes)
    print(f"  {result}")
    if options.write:
        report.write("soak", f"{result}.")
    return result.good


def _impact(options: argparse.Namespace) -> bool:
    print("what the caller notices while Firehose is gone")
    with built_layer() as layer:
        table = impact.table(layer)
    if options.write:
        report.write("impact", table)
    return True


def _cell(options: argparse.Namespace) -> bool:
    with built_layer() as layer:
        cell = Cell(options.trouble, options.form, options.policy, options.end, options.transport)
        (outcome,) = matrix.run_all([cell], layer)
    print(f"  {outcome}")
    return outcome.good


def _fuzz(options: argparse.Namespace) -> bool:
    from . import fuzz

    return fuzz.run(options.minutes, write=options.write)


def _mutants(options: argparse.Namespace) -> bool:
    from . import mutants

    return mutants.run(only=options.only, write=options.write)


def _all(options: argparse.Namespace) -> bool:
    options.short, options.only, options.seed = False, "", None
    return all(
        [
            _matrix(options),
            _undelivered(options),
            _kill(options),
            _impact(options),
            _mutants(options),
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument("--write", action="store_true", help="put it into docs/reliability.md")
        return made

    one = command("all", _all, "matrix, kill test and mutants: what `make faults` runs")
    one.add_argument("--ends", type=int, default=2, help="ends of each fault, form and policy")
    one.add_argument("--kills", type=int, default=320)
    one = command("matrix", _matrix, "every fault, form, policy, end and transport")
    one.add_argument("--short", action="store_true", help="the selection of the test suite")
    one.add_argument("--ends", type=int, default=2, help="ends of each fault, form and policy")
    one.add_argument("--only", default="", help="cells whose name holds this text")
    one = command("cell", _cell, "one cell of the matrix")
    for name in ("trouble", "form", "policy", "end"):
        one.add_argument(name)
    one.add_argument("transport", nargs="?", default="auto")
    command("undelivered", _undelivered, "a stream that takes nothing, and another way out")
    one = command("kill", _kill, "SIGKILL at random moments under load")
    one.add_argument("--kills", type=int, default=320)
    one.add_argument("--seed", type=int, help="of an earlier run")
    command("impact", _impact, "answers, throughput and hold, against the bare function")
    one = command("soak", _soak, "invocations while faults come and go")
    one.add_argument("--minutes", type=float, default=30)
    one = command("fuzz", _fuzz, "hypothesis on everything that reads")
    one.add_argument("--minutes", type=float, default=5)
    one = command("mutants", _mutants, "each promise with its code taken out")
    one.add_argument("--only", default="", help="promises that hold this text")
    return parser


if __name__ == "__main__":
    sys.exit(main())
