"""Prices, dated, and what a month of logs costs by them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from firehose_logging._cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

GB = 2**30
TB = 2**40
#: Firehose bills each record as a multiple of so many bytes (developer guide, pricing).
STEP = 5120
#: Bytes that CloudWatch Logs adds to each event (API reference, PutLogEvents).
EVENT = 26


@dataclass(frozen=True)
class Prices:
    """US dollars, us-east-1, first tier, without free tiers.

    Args:
        as_of: when they were looked up; none was read from AWS's own price list.
        firehose_per_gb: Direct PUT, of billed bytes.
        cloudwatch_per_gb: ingestion, Standard class.
        cloudwatch_ia_per_gb: ingestion, Infrequent Access class.
        lambda_s3_per_gb: Lambda's own destination S3, delivery.
        lambda_firehose_per_gb: Lambda's own destination Firehose, delivery.
        vended_per_gb: what Firehose asks for vended logs on top of that.
        s3_put_per_1000: PUT requests, S3 Standard.
        athena_per_tb: bytes scanned.
        gb_second: Lambda, x86.
    """

    as_of: str = "2026-11"
    firehose_per_gb: float = 0.029
    cloudwatch_per_gb: float = 0.50
    cloudwatch_ia_per_gb: float = 0.25
    lambda_s3_per_gb: float = 0.25
    lambda_firehose_per_gb: float = 0.25
    vended_per_gb: float = 0.13
    s3_put_per_1000: float = 0.005
    athena_per_tb: float = 5.0
    gb_second: float = 0.0000166667

    def changed(self, values: Mapping[str, Any]) -> Prices:
        """These prices with some replaced.

        Raises:
            CommandError: a name is unknown or a value no number from 0 on.
        """
        known = {each.name for each in fields(self)}
        new: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise CommandError(f"price {name!r}: unknown; there are {', '.join(sorted(known))}")
            try:
                new[name] = str(value) if name == "as_of" else float(value)
            except (TypeError, ValueError):
                raise CommandError(f"price {name}={value!r}: dollars are needed") from None
            if name != "as_of" and not new[name] >= 0:
                raise CommandError(f"price {name}={value!r}: 0 or more is needed")
        return replace(self, **new)


@dataclass(frozen=True)
class Usage:
    """What was logged, or will be.

    Args:
        invocations: of the function.
        lines: all lines, the platform's events included.
        raw: bytes of all lines with their newlines.
        packed: bytes that Firehose bills when records are full.
        apart: bytes that Firehose bills when each invocation sends a record of its own.
        cloudwatch: bytes that the same function would have sent to CloudWatch Logs as text.
        hold_gb_seconds: billed time after the answer, times memory.
        objects: objects written to S3.
        stored: bytes of these objects.
        scans: how often all of it is queried.
    """

    invocations: float
    lines: float
    raw: float
    packed: float
    apart: float
    cloudwatch: float
    hold_gb_seconds: float
    objects: float
    stored: float
    scans: float


@dataclass(frozen=True)
class Bill:
    """One way of logging: what is billed for, in dollars."""

    name: str
    gb: float
    ingestion: float
    hold: float = 0.0
    s3: float = 0.0
    queries: float = 0.0

    @property
    def total(self) -> float:
        """Everything."""
        return self.ingestion + self.hold + self.s3 + self.queries


def steps(size: float) -> float:
    """What Firehose bills for a record of so many bytes."""
    return -(-size // STEP) * STEP if size else 0.0


def bills(usage: Usage, prices: Prices) -> list[Bill]:
    """Ours at its best and worst packing, and the ways that go through CloudWatch."""
    hold = usage.hold_gb_seconds * prices.gb_second
    s3 = usage.objects / 1000 * prices.s3_put_per_1000
    queries = usage.scans * usage.stored / TB * prices.athena_per_tb
    gb = usage.cloudwatch / GB

    def ours(name: str, size: float) -> Bill:
        return Bill(name, size / GB, size / GB * prices.firehose_per_gb, hold, s3, queries)

    vended = prices.lambda_firehose_per_gb + prices.vended_per_gb
    return [
        ours("firehose-logging, full records", usage.packed),
        ours("firehose-logging, a record for each invocation", usage.apart),
        Bill("CloudWatch Logs, Standard", gb, gb * prices.cloudwatch_per_gb),
        Bill("CloudWatch Logs, Infrequent Access", gb, gb * prices.cloudwatch_ia_per_gb),
        Bill("Lambda's own destination S3", gb, gb * prices.lambda_s3_per_gb, 0, s3, queries),
        Bill("Lambda's own destination Firehose", gb, gb * vended, 0, s3, queries),
    ]
