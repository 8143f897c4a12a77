"""What logs cost a month in Firehose and in CloudWatch Logs; every price is an argument.

`python -m benchmarks.cost --help` names the prices, and where their defaults come from.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import zlib
from bisect import bisect_left
from dataclasses import dataclass, fields
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks import cost_bytes, cost_lines
from benchmarks.arrivals import LINES, Pattern, patterns
from benchmarks.flush_simulation import put
from benchmarks.flush_simulation_environment import World, simulate
from firehose_logging._delivery.batch import billed
from firehose_logging._extension.flush_policy import ADAPTIVE, END, PERIODIC, FlushPolicy
from firehose_logging._firehose.wire import compress
from firehose_logging._line import line as _line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: What AWS calls a GB on these bills.
GB = 2**30


@dataclass(frozen=True)
class Prices:
    """US dollars, us-east-1, first tier, without free tiers; as others have quoted them.

    Args:
        firehose_per_gb: Direct PUT, of billed bytes (K. Jorgensen, "Enable Record Aggregation in
            the Kinesis Firehose Agent", 2022).
        cloudwatch_per_gb: ingestion of Lambda's logs, Standard class (Duckbill, on the tiers of
            May 2025: the first is what it was before).
        vended_per_gb: Lambda's own log destinations Firehose and S3, without what Firehose charges
            on top (DevelopersIO, January 2026: that of the Infrequent Access class).
        vended_ingestion_per_gb: what Firehose charges on top for vended logs, of bytes as they
            are; the one price here for which no source was found.
        gb_second: Lambda on x86 (Lambda's price list, as quoted in many public cost models).
        s3_put_per_1000: PUT requests of S3 Standard (as quoted for S3, Standard class).
    """

    firehose_per_gb: float = 0.029
    cloudwatch_per_gb: float = 0.50
    vended_per_gb: float = 0.25
    vended_ingestion_per_gb: float = 0.13
    gb_second: float = 0.0000166667
    s3_put_per_1000: float = 0.005


#: When these were looked up; none was read from AWS's own price list.
LOOKED_UP = "November 2026"


@dataclass(frozen=True)
class Month:
    """What is logged.

    Args:
        invocations: of the month, each with LINES lines on average and three platform events.
        memory_mb: of the function; hold and cold starts are billed by it.
        round_trip_ms: from a call to Firehose's answer.
        init_ms: what a cold start takes longer with us; Init is billed. The default is 8.7 ms of
            CPU (docs/performance.md) at the 0.29 of a processor that 512 MB have.
        s3_interval: seconds after which Firehose writes an object, at the latest.
        s3_mib: MiB after which it does.
    """

    invocations: int = 10_000_000
    memory_mb: int = 512
    round_trip_ms: float = 20.0
    init_ms: float = 30.0
    s3_interval: float = 300.0
    s3_mib: int = 5


@dataclass(frozen=True)
class Bill:
    """One way of logging for a month, in dollars and in what they are paid for."""

    name: str
    gb: float
    ingestion: float
    hold: float
    cold: float
    s3: float

    @property
    def total(self) -> float:
        """Everything."""
        return self.ingestion + self.hold + self.cold + self.s3


def bills(month: Month, prices: Prices) -> list[Bill]:
    """CloudWatch, a record for each line, and ours under several kinds of traffic."""
    ours = [len(line) for line in _our_lines(2_000)]
    theirs = [len(line) for line in islice(cost_lines.runtime_lines(Random(1)), 2_000)]
    platform = [len(line) for line in cost_lines.platform_lines()]
    cloudwatch = LINES * statistics.fmean(theirs) + sum(map(len, cost_lines.platform_events()))
    each = LINES * statistics.fmean(map(billed, ours)) + sum(map(billed, platform))
    raw = LINES * statistics.fmean(ours) + sum(platform)
    found = [
        _without_hold("CloudWatch Logs", cloudwatch, prices.cloudwatch_per_gb, month),
        _without_hold("Lambda's own destination S3", cloudwatch, prices.vended_per_gb, month),
        _without_hold(
            "Lambda's own destination Firehose",
            cloudwatch,
            prices.vended_per_gb + prices.vended_ingestion_per_gb,
            month,
        ),
        _without_hold("a record for each line", each, prices.firehose_per_gb, month, prices, raw),
    ]
    by_name = {pattern.name: pattern for pattern in patterns()}
    for policy, name, gzip in (
        (END, "steady 1/s", False),
        (ADAPTIVE, "sparse", False),
        (ADAPTIVE, "steady 1/s", False),
        (ADAPTIVE, "steady 10/s", False),
        (PERIODIC, "steady 10/s", False),
        (ADAPTIVE, "steady 10/s", True),
    ):
        found.append(_simulated(policy, by_name[name], statistics.fmean(ours), gzip, month, prices))
    return found


def _our_lines(count: int) -> list[bytes]:
    bodies = cost_lines.real_bodies(Random(1))
    return [_line.finish(body, number) for number, body in enumerate(islice(bodies, count), 1)]


def _without_hold(
    name: str, size: float, per_gb: float, month: Month, prices: Prices | None = None,
    raw: float = 0.0,
) -> Bill:  # fmt: skip
    gb = size * month.invocations / GB
    s3 = _s3(raw * month.invocations, month, prices) if prices else 0.0
    return Bill(name, gb, gb * per_gb, 0.0, 0.0, s3)


def _simulated(
    policy: str, pattern: Pattern, line: float, gzip: bool, month: Month, prices: Prices
) -> Bill:
    """Means of the simulated invocations, times those of the month."""
    world = World(
        round_trip=month.round_trip_ms / 1000,
        line=round(line),
        compressed=compressed_size() if gzip else None,
    )
    outcome = simulate(pattern, lambda: FlushPolicy(policy, world.interval), world)
    share = month.invocations / len(pattern.invocations)
    gb = outcome.billed_bytes * share / GB
    gb_second = month.memory_mb / 1024 * prices.gb_second
    name = f"`{policy}`, {pattern.name}" + (", gzip" if gzip else "")
    stored = gb * GB if gzip else outcome.logged_bytes * share
    return Bill(
        name,
        gb,
        gb * prices.firehose_per_gb,
        sum(outcome.holds) * share * gb_second,
        outcome.environments * share * month.init_ms / 1_000 * gb_second,
        _s3(stored, month, prices),
    )


def _s3(size: float, month: Month, prices: Prices) -> float:
    """PUT requests of one stream: by size where there is much, else by time."""
    puts = max(size / (month.s3_mib * 2**20), 30 * 86_400 / month.s3_interval)
    return puts / 1_000 * prices.s3_put_per_1000


def compressed_size() -> Callable[[int], int]:
    """Bytes of a gzip member of so many bytes of our lines; measured, straight lines between."""
    data = b"".join(_our_lines(3_000))
    sizes = [0, *(2**power for power in range(8, 20)), len(data)]
    found = [0, *(len(compress(data[:size])) for size in sizes[1:])]
    if zlib.decompress(compress(data), 31) != data:
        raise ValueError("what was compressed does not come back")

    def size_of(size: int) -> int:
        place = min(max(bisect_left(sizes, size), 1), len(sizes) - 1)
        low, high = sizes[place - 1], sizes[place]
        share: float = (size - low) / (high - low)
        return round(found[place - 1] + share * (found[place] - found[place - 1]))

    return size_of


def table(found: Sequence[Bill]) -> str:
    """The bills as a Markdown table; the first is what the others are compared with."""
    lines = [
        "| | GB billed | ingestion | hold | cold starts | S3 PUTs | sum | of CloudWatch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for bill in found:
        lines.append(
            f"| {bill.name} | {bill.gb:.1f} | ${bill.ingestion:.2f} | ${bill.hold:.2f} "
            f"| ${bill.cold:.2f} | ${bill.s3:.2f} | ${bill.total:.2f} "
            f"| {bill.total / found[0].total:.0%} |"
        )
    return "\n".join(lines)


def month_report(month: Month, prices: Prices, found: Sequence[Bill]) -> str:
    """The table with what it rests on.

    Args:
        month: what is logged.
        prices: what it is billed at.
        found: the bills.
    """
    return (
        f"{month.invocations:,} invocations at {LINES} lines on average (message with two "
        f"arguments, two extras) and three platform events each, {month.memory_mb} MB of memory, "
        f"a round trip of {month.round_trip_ms:g} ms, {month.init_ms:g} ms of Init that we add to "
        "each cold start, as many of these as the simulated traffic has. CloudWatch takes "
        "Lambda's JSON format, which is shorter: without function, version, instance and sequence "
        "number.\n\n"
        f"{table(found)}\n\n"
        f"Prices are inputs. Used here, in US dollars: Firehose {prices.firehose_per_gb:g} and "
        f"CloudWatch Logs {prices.cloudwatch_per_gb:g} a GB ingested, Lambda's own destinations "
        f"{prices.vended_per_gb:g} a GB and {prices.vended_ingestion_per_gb:g} on top where it is "
        "Firehose (for that one no source was found), Lambda "
        f"{prices.gb_second:g} a GB-second, S3 {prices.s3_put_per_1000:g} for 1,000 PUTs. The "
        f"defaults are those of us-east-1, first tier, as third parties quote them, looked up in "
        f"{LOOKED_UP} (`benchmarks/cost.py` names each); put in yours: "
        "`python -m benchmarks.cost --firehose-per-gb ... --cloudwatch-per-gb ...`. Not counted: "
        "storage, queries, free tiers, format conversion. Traffic is that of "
        "the simulation of flush policies (docs/flush.md). CloudWatch's bill only goes away when "
        "the function may not write there (a role without `logs:PutLogEvents`).\n"
    )


def billed_report(counted: Mapping[str, Any]) -> str:
    """Billed bytes per logged byte, with what they rest on.

    Args:
        counted: what ``cost_bytes.counted`` has returned.
    """
    return (
        "Billed bytes per logged byte; Firehose bills each record rounded up to 5,120 bytes. "
        "Counted by the local Firehose that our transport sends to. "
        "*A record for each line* is PutRecord line by line, or PutRecordBatch with 500 lines: "
        f"the bill is the same.\n\n{cost_bytes.table(counted)}\n"
    )


def reports(counted: Mapping[str, Any], stored: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What docs/flush.md shows, by the names of its parts, from stored results.

    Args:
        counted: what ``cost_bytes.counted`` has returned.
        stored: the bills of a month at the default prices.
    """
    found = [Bill(**bill) for bill in stored]
    month = month_report(Month(), Prices(), found)
    return {"billed": billed_report(counted), "month": month}


def report(counted: Mapping[str, Any], stored: Sequence[Mapping[str, Any]]) -> str:
    """The section of docs/benchmarks.md, from the same."""
    parts = reports(counted, stored)
    return f"## Cost\n\n{parts['billed']}\n### A month\n\n{parts['month']}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost", description=(Prices.__doc__ or "").partition("Args:")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    for group in (Prices, Month):
        for field in fields(group):
            parser.add_argument(
                f"--{field.name.replace('_', '-')}",
                type=type(field.default),
                default=field.default,
                help=f"{field.default}",
            )
    parser.add_argument(
        "--write", action="store_true", help="into docs/flush.md, with the defaults"
    )
    options = vars(parser.parse_args(arguments))
    prices = Prices(**{field.name: options[field.name] for field in fields(Prices)})
    month = Month(**{field.name: options[field.name] for field in fields(Month)})
    if options["write"] and (month, prices) != (Month(), Prices()):
        parser.error("--write is for the defaults")
    counted, found = cost_bytes.counted(), bills(month, prices)
    parts = {"billed": billed_report(counted), "month": month_report(month, prices, found)}
    if options["write"]:
        put(parts)
    else:
        print(f"{parts['billed']}\n{parts['month']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
