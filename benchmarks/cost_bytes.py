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
    from collections.abc import Iterator, Sequence

STREAM = "cost"

#: Raw bytes of a flush.
SIZES = tuple(n * 1024 for n in (1, 4, 16, 64, 256, 1024, 4096))


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


def table() -> str:
    """Billed bytes over logged bytes as a Markdown table."""
    columns = [
        measure(short_bodies(Random(1))),
        measure(short_bodies(Random(1)), gzip=True),
        measure(real_bodies(Random(1))),
        measure(real_bodies(Random(1)), gzip=True),
    ]
    mean = columns[2][-1].raw / columns[2][-1].lines
    lines = [
        f"| bytes of a flush | {SHORT} B lines | gzip | a record for each line | lines of ours, "
        f"{mean:.0f} B | gzip | a record for each line |",
        "|---|---|---|---|---|---|---|",
    ]
    for size, short, short_gzip, real, real_gzip in zip(SIZES, *columns, strict=True):
        lines.append(
            f"| {_size(size)} | {short.ratio:.3f} | {short_gzip.ratio:.3f} "
            f"| {short.line_by_line / short.raw:.1f} | {real.ratio:.3f} | {real_gzip.ratio:.3f} "
            f"| {real.line_by_line / real.raw:.1f} |"
        )
    return "\n".join(lines)


def _size(size: int) -> str:
    return f"{size // 1024} KiB" if size < 1_048_576 else f"{size // 1_048_576} MiB"
