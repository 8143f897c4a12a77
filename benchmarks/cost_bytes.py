"""What Firehose bills for what was logged: our delivery against a record or a call for each line.

The real delivery and transport send to a local Firehose, whose own count of billed bytes is used.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.cost_lines import SHORT, real_bodies, short_bodies
from firehose_logging._clock import SystemClock
from firehose_logging._delivery.backlog import Backlog
from firehose_logging._delivery.batch import billed
from firehose_logging._delivery.delivery import Delivery
from firehose_logging._firehose.direct import DirectTransport
from firehose_logging._firehose.endpoint import Endpoint
from firehose_logging._firehose.sigv4 import Credentials
from firehose_logging._firehose.wire import compress
from firehose_logging._line import line as _line
from firehose_logging.settings import Settings
from local_firehose import DeliveryStream, LocalFirehose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STREAM = "cost"

#: Raw bytes of a flush.
SIZES = tuple(n * 1024 for n in (1, 4, 16, 64, 256, 1024, 4096))
#: Kinds of lines, as they are named in results.
SHORT_LINES, REAL_LINES = "200 B lines", "lines of ours"


@dataclass(frozen=True)
class Flush:
    """One flush as Firehose has seen it.

    Args:
        lines, raw: lines, and their bytes.
        billed: bytes that Firehose bills.
        calls: PutRecordBatch calls.
        line_by_line: bytes billed for a record for each line, in PutRecord calls or in
            PutRecordBatch calls of up to 500: the bill is the same.
    """

    lines: int
    raw: int
    billed: int
    calls: int
    line_by_line: int

    @property
    def ratio(self) -> float:
        """Billed bytes over logged bytes."""
        return self.billed / self.raw


def measure(
    bodies: Iterator[str], sizes: Sequence[int] = SIZES, *, gzip: bool = False
) -> list[Flush]:
    """One flush of about each size.

    Args:
        bodies: lines without number and end.
        sizes: raw bytes of a flush; it has the line that passes them.
        gzip: ``FIREHOSE_LOGGING_COMPRESSION``.
    """
    found = []
    with tempfile.TemporaryDirectory(prefix="cost-") as bucket:
        stream = DeliveryStream(STREAM, Path(bucket), throughput=None)
        with LocalFirehose([stream]) as firehose:
            delivery = _delivery(firehose, gzip=gzip)
            try:
                for size in sizes:
                    found.append(_flush(firehose, delivery, bodies, size))
            finally:
                delivery.close(10)
    return found


def _delivery(firehose: LocalFirehose, *, gzip: bool) -> Delivery:
    environ = firehose.environment()
    credentials = Credentials(
        environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"],
        environ.get("AWS_SESSION_TOKEN"),
    )  # fmt: skip
    clock = SystemClock()
    settings = Settings(stream_name=STREAM, compression="gzip" if gzip else "none", journal=False)
    return Delivery(
        settings,
        Backlog(settings, clock),
        lambda: DirectTransport(
            STREAM,
            Endpoint("http", "127.0.0.1", firehose.port, firehose.region),
            lambda: credentials,
            clock,
            compress=compress if gzip else None,
        ),
        clock,
        background=lambda: False,
        own_body=lambda _level, message, _columns: f'{{"message":"{message}"',
    )


def _flush(firehose: LocalFirehose, delivery: Delivery, bodies: Iterator[str], size: int) -> Flush:
    """Half a call's worth is sent without a flush, as always."""
    ledger = firehose.ledger
    billed_before, calls_before = ledger.billed_bytes, len(ledger.calls)
    lines = raw = line_by_line = 0
    accepted = int(str(delivery.counts()["accepted"]))
    while raw < size:
        body = next(bodies)
        line = len(_line.finish(body, accepted + lines + 1))
        delivery.add(body)
        lines += 1
        raw += line
        line_by_line += billed(line)
    result = delivery.flush(60)
    if not result or delivery.counts()["delivered"] != accepted + lines:
        raise SystemExit(f"cost: not all was delivered: {result}")
    return Flush(
        lines,
        raw,
        ledger.billed_bytes - billed_before,
        len(ledger.calls) - calls_before,
        line_by_line,
    )


def counted() -> dict[str, dict[str, list[dict[str, float]]]]:
    """By kind of line and compression: each flush, ready for JSON."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for lines, bodies in ((SHORT_LINES, short_bodies), (REAL_LINES, real_bodies)):
        for compression in ("none", "gzip"):
            flushes = measure(bodies(Random(1)), gzip=compression == "gzip")
            found.setdefault(lines, {})[compression] = [
                {
                    "size": size,
                    "line": flush.raw / flush.lines,
                    "ratio": flush.ratio,
                    "line_by_line": flush.line_by_line / flush.raw,
                }
                for size, flush in zip(SIZES, flushes, strict=True)
            ]
    return found


def table(found: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> str:
    """Billed bytes over logged bytes as a Markdown table.

    Args:
        found: what ``counted`` returns.
    """
    short, real = found[SHORT_LINES], found[REAL_LINES]
    mean = real["none"][-1]["line"]
    lines = [
        f"| bytes of a flush | {SHORT} B lines | gzip | a record for each line | lines of ours, "
        f"{mean:.0f} B | gzip | a record for each line |",
        "|---|---|---|---|---|---|---|",
    ]
    columns = (short["none"], short["gzip"], real["none"], real["gzip"])
    for one, one_gzip, other, other_gzip in zip(*columns, strict=True):
        lines.append(
            f"| {_size(round(one['size']))} | {one['ratio']:.3f} | {one_gzip['ratio']:.3f} "
            f"| {one['line_by_line']:.1f} | {other['ratio']:.3f} | {other_gzip['ratio']:.3f} "
            f"| {other['line_by_line']:.1f} |"
        )
    return "\n".join(lines)


def _size(size: int) -> str:
    return f"{size // 1024} KiB" if size < 1_048_576 else f"{size // 1_048_576} MiB"
