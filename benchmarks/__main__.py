"""Measures firehose-logging beside what people would use instead, and writes down what it found.

Sets up every competitor in an environment of its own (build/bench, kept), runs everything paired
and alternating, and prints one table. `run` also keeps the raw figures (build/bench/results.json)
and what the page is made of (benchmarks/results/bench.json), and writes docs/benchmarks.md with
its plots and the README's pictures; `run --quick` does none of it.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks import anchor, candidates, measure, metrics, page, tables


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for."""
    options = _parser().parse_args(arguments)
    options.run(options)
    return 0


def _run(options: argparse.Namespace) -> None:
    _set_up(options)
    plan = measure.QUICK if options.quick else measure.FULL
    results = measure.run(plan, options.only, _say)
    if not (options.quick or options.only):
        measure.save(results)
    results = measure.rounded(results)
    if options.only and options.write:
        # Figures are compared within a section, so one may be measured again by itself.
        whole = measure.load()
        whole["sections"][options.only] = results["sections"][options.only]
        results = whole
    if options.write or not (options.quick or options.only):
        measure.store(results)
        # As `report` reads it: keys of JSON are texts.
        page.write(measure.load(), _say)
    _print(results)


def _report(options: argparse.Namespace) -> None:
    del options
    results = measure.load()
    page.write(results, _say)
    _print(results)


def _set_up(options: argparse.Namespace) -> None:
    del options
    candidates.set_up(_say)
    anchor.set_up(_say)


def _fleet(options: argparse.Namespace) -> None:
    from benchmarks.fleet import check, report

    if options.check:
        if not check.check(_say):
            raise SystemExit("simulation and processes are too far apart")
        return
    results = report.load() if options.report else report.run(_say)
    if options.write or options.report:
        report.save(results)
        report.write(results, _say)
    print(report.fleet_table(results))
    print(report.sizes_table(results))


def _print(results: dict[str, object]) -> None:
    versions = results["versions"]
    assert isinstance(versions, dict)
    print()
    print(tables.text(tables.rows(metrics.all_metrics(results), versions)))
    print(f"\nmeasured in {results['seconds']} s; median (quartiles) of the rounds")


_began = time.monotonic()


def _say(text: str) -> None:
    print(f"{time.monotonic() - _began:6.0f} s  {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="measure, print the table, write page and plots")
    run.add_argument("--quick", action="store_true", help="few rounds, print the table only")
    run.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        choices=["", *measure.SECTIONS],
        help=f"one section, print the table only: {', '.join(measure.SECTIONS)}",
    )
    run.add_argument(
        "--write", action="store_true", help="with --only: into the page of the last full run"
    )
    run.set_defaults(run=_run)
    report = commands.add_parser("report", help="write page and plots from the stored results")
    report.set_defaults(run=_report)
    set_up = commands.add_parser("set-up", help="install what is compared, measure nothing")
    set_up.set_defaults(run=_set_up)
    fleet = commands.add_parser("fleet", help="simulate thousands of environments on one stream")
    fleet.add_argument(
        "--write", action="store_true", help="into docs/scale.md, its pictures and results/"
    )
    fleet.add_argument("--report", action="store_true", help="write them from the stored results")
    fleet.add_argument(
        "--check", action="store_true", help="beside 50 processes and the local Firehose"
    )
    fleet.set_defaults(run=_fleet)
    return parser


if __name__ == "__main__":
    sys.exit(main())
