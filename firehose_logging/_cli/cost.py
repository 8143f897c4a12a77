"""``firehose-logging cost``: what the logs cost, and what they would cost elsewhere."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import arguments as _arguments
from firehose_logging._cli import render
from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.prices import EVENT, Prices, Usage, bills, steps

if TYPE_CHECKING:
    from firehose_logging._cli.lake import Lake

EXAMPLE = """\
  firehose-logging cost --from s3://my-logs/firehose/ --since 24h
  firehose-logging cost --lines 5 --invocations 10M --memory 512 --hold 20
  firehose-logging cost --lines 5 --invocations 10M --price firehose_per_gb=0.031

Prices are an input: US dollars, us-east-1, first tier, as of the month that is printed. Look yours
up, and give them with --price NAME=DOLLARS or --prices FILE.json. Storage is not in it.
"""
#: Characters of level, time and request id that the runtime puts before a text line.
PREFIX = 75
#: Bytes of START, END and REPORT of one invocation in CloudWatch, as text.
PLATFORM = 90 + 60 + 190
#: Our lines of the platform's events: bytes for each invocation, as measured on the local Lambda.
OUR_PLATFORM = 3 * 420
#: What the columns of a line add to its text, in bytes.
COLUMNS = 300
#: Gzipped over raw bytes of objects (docs/benchmarks.md has measured ones).
GZIPPED = 0.12
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([kKMG]?)")
_SCALE = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}


def main(argv: list[str]) -> int:
    """Run the command."""
    parser = _arguments.parser("cost", "What the logs cost, here and elsewhere.", EXAMPLE)
    group = parser.add_argument_group("an estimate, instead of --from")
    group.add_argument("--invocations", type=_amount, metavar="N", help="10M, 250k, 1200")
    group.add_argument("--lines", type=_amount, metavar="N", help="lines of each invocation")
    group.add_argument(
        "--line-bytes",
        type=_amount,
        default=100.0,
        metavar="N",
        help="of a line's text (default: 100)",
    )
    group.add_argument("--memory", type=_amount, default=512.0, metavar="MB", help="(default: 512)")
    group.add_argument(
        "--hold",
        type=_amount,
        default=0.0,
        metavar="MS",
        help="held after each answer, on average (default: 0; docs/flush.md)",
    )
    group.add_argument(
        "--objects",
        type=_amount,
        default=43200.0,
        metavar="N",
        help="S3 objects (default: one a minute)",
    )
    parser.add_argument(
        "--scans",
        type=_amount,
        default=1.0,
        metavar="N",
        help="queries over all of it (default: 1)",
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="NAME=DOLLARS",
        help="one price, by its name; may repeat",
    )
    parser.add_argument("--prices", type=Path, metavar="FILE", help="JSON: names and dollars")
    parser.add_argument(
        "--format", choices=render.FORMATS, default="table", help="(default: %(default)s)"
    )
    _arguments.add_source(parser)
    for action in parser._actions:  # noqa: SLF001 - one of two inputs is needed, not this one
        if action.dest == "source":
            action.required = False
    given = parser.parse_args(argv)
    prices = _prices(given)
    usage = _usage(given)
    _show(usage, prices, given.format)
    return 0


def _amount(text: str) -> float:
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: a number such as 5, 250k or 10M is needed")
    return float(found.group(1)) * _SCALE[found.group(2)]


def _prices(given: argparse.Namespace) -> Prices:
    values: dict[str, Any] = {}
    if given.prices:
        try:
            values.update(json.loads(given.prices.read_text("utf-8")))
        except OSError as error:
            raise CommandError(f"--prices {given.prices}: {error.strerror}") from error
        except (TypeError, ValueError) as error:
            raise CommandError(
                f"--prices {given.prices}: a JSON object of names and dollars is needed ({error})"
            ) from error
    for each in given.price:
        name, equals, value = each.partition("=")
        if not equals:
            raise CommandError(f"--price {each}: write NAME=DOLLARS")
        values[name] = value
    return Prices().changed(values)


def _usage(given: argparse.Namespace) -> Usage:
    if given.source:
        with _arguments.open_lake("cost", given) as lake:
            return measured(lake, given.scans)
    if given.invocations is None or given.lines is None:
        raise CommandError("give --from SOURCE, or --invocations N and --lines N for an estimate")
    text = given.lines * given.line_bytes
    each = text + given.lines * COLUMNS + OUR_PLATFORM
    raw = given.invocations * each
    cloudwatch = text + given.lines * (PREFIX + EVENT) + PLATFORM + 3 * EVENT
    return Usage(
        invocations=given.invocations,
        lines=given.invocations * (given.lines + 3),
        raw=raw,
        packed=raw,
        apart=given.invocations * steps(each),
        cloudwatch=given.invocations * cloudwatch,
        hold_gb_seconds=given.invocations * given.hold / 1000 * given.memory / 1024,
        objects=given.objects,
        stored=raw * GZIPPED,
        scans=given.scans,
    )


def measured(lake: Lake, scans: float) -> Usage:
    """What the lines of a source amount to."""
    lines, raw = lake.run("SELECT count(*), coalesce(sum(strlen(line) + 1), 0) FROM lines")[1][0]
    apart = lake.run(
        f"SELECT coalesce(sum(ceil(size / {steps(1)}) * {steps(1)}), 0) FROM (SELECT "
        "sum(strlen(line) + 1) AS size FROM lines GROUP BY "
        "json_extract_string(line, '$.requestId'), json_extract_string(line, '$.instanceId'))"
    )[1][0][0]
    text, said = lake.run(
        "SELECT coalesce(sum(strlen(message)), 0), count(*) FROM logs WHERE type = 'function'"
    )[1][0]
    invocations, hold = lake.run(
        "SELECT count(*), coalesce(sum(holdMs / 1000 * memoryMb / 1024), 0) FROM invocations"
    )[1][0]
    cloudwatch = text + said * (PREFIX + EVENT) + invocations * (PLATFORM + 3 * EVENT)
    return Usage(
        invocations=invocations,
        lines=lines,
        raw=float(raw),
        packed=float(raw),
        apart=float(apart),
        cloudwatch=float(cloudwatch),
        hold_gb_seconds=float(hold),
        objects=len(lake.listing.objects),
        stored=float(sum(each.size for each in lake.listing.objects)),
        scans=scans,
    )


def _show(usage: Usage, prices: Prices, form: str) -> None:
    found = bills(usage, prices)
    if form == "json":
        for each in found:
            sys.stdout.write(
                json.dumps({**asdict(each), "total": each.total, "as_of": prices.as_of})
            )
            sys.stdout.write("\n")
        return
    columns = ("way", "GB billed", "ingestion $", "hold $", "S3 PUTs $", "queries $", "total $")
    rows = [
        (each.name, *(_money(value) for value in (each.gb, each.ingestion, each.hold, each.s3,
                                                    each.queries, each.total)))
        for each in found
    ]  # fmt: skip
    if form == "csv":
        render.write(columns, rows, form)
        return
    sys.stdout.write(
        f"{usage.invocations:,.0f} invocations, {usage.lines:,.0f} lines, "
        f"{usage.raw / 1e6:,.2f} MB of lines; prices as of {prices.as_of}, us-east-1, dollars\n"
    )
    render.table(columns, rows)
    ours, theirs = found[0].total, found[2].total
    if ours and theirs:
        times = theirs / ours
        sys.stdout.write(
            f"CloudWatch Logs, Standard, costs {times:.1f} times as much as full records.\n"
            if times >= 1
            else f"CloudWatch Logs, Standard, costs {times:.2f} of it: lines are too few to pay.\n"
        )


def _money(value: float) -> float:
    return round(value, 2) if value >= 100 else float(f"{value:.3g}")
