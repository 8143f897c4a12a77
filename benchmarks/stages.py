"""What each stage of a line's way takes, in one process: `python -m benchmarks.stages --write`.

CPU of the thread that does it, least of the rounds, all stages in each round; nothing is sent. The
file that it writes is what docs/performance.md quotes.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import ssl
import sys
import tempfile
import time
import zlib
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks import cost_lines, tables
from benchmarks.cost import GB, Prices
from benchmarks.flush_simulation import put
from benchmarks.measure import machine
from benchmarks.stored import store, text_of
from firehose_logging import FirehoseHandler, Settings
from firehose_logging._delivery.batch import billed
from firehose_logging._delivery.journal import CrashJournal
from firehose_logging._firehose.sigv4 import Credentials
from firehose_logging._firehose.wire import Requests
from firehose_logging._line.line import finish
from local_firehose import certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

RESULTS = Path(__file__).resolve().parent / "results" / "stages.json"

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

#: Memory at which a function has one processor (Lambda developer guide, "Configure Lambda function
#: memory").
WHOLE_PROCESSOR_MB = 1_769
ROUNDS = 15
LINES = 5_000
#: Bytes of a record, and records of a call.
RECORD, RECORDS = 512_000, 4


class Keep(logging.Handler):
    """Keeps the last record: what logging itself takes."""

    record: logging.LogRecord

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.record = record


def least(work: Callable[[], object], after: Callable[[], object] = lambda: None) -> float:
    """Seconds of CPU of this thread, least of the rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        work()
        found.append(time.thread_time() - began)
        after()
    return min(found)


def in_the_functions_thread() -> tuple[dict[str, float], bytes]:
    """Microseconds a line of what a log call does, and such a line."""
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def log() -> None:
        for number in range(LINES):
            logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})

    keep = Keep()
    logger.addHandler(keep)
    found = {"logging itself": least(log)}
    handler = FirehoseHandler("stages", settings=Settings(interval=900))
    delivery, records = handler._delivery, handler._records
    assert delivery is not None
    assert records is not None
    delivery._background = lambda: False  # as in Lambda: nothing is sent meanwhile
    backlog = delivery._backlog
    sink = records._sink

    def empty() -> None:
        while taken := backlog.batcher.take():
            backlog.batcher.delivered(taken)
        backlog.journal.forget(None)

    def encode() -> None:
        for _ in range(LINES):
            sink.bodies(*records._json.members(keep.record))

    head, message, tail = records._json.members(keep.record)
    (body,) = sink.bodies(head, message, tail)

    def add() -> None:
        for _ in range(LINES):
            delivery.add(body)

    found["encoded"] = least(encode)
    found["numbered, journalled, kept"] = with_journal = least(add, empty)
    journal, backlog.journal = backlog.journal, CrashJournal(None, "stages")
    found["of that, the journal"] = with_journal - least(add, empty)
    backlog.journal = journal
    return {name: value / LINES * 1e6 for name, value in found.items()}, finish(body, 12_345)


def on_the_delivery_thread(line: bytes) -> dict[str, float]:
    """Milliseconds a megabyte of lines, of what a call of two megabytes takes."""
    record = bytearray(line * (RECORD // len(line)))
    data: Sequence[bytearray] = [record] * RECORDS
    requests = Requests("bench", "firehose.example", "eu-west-1")
    credentials = Credentials("A" * 20, "S" * 40)
    body = requests.body(data)
    digest = type(body)

    def tls(write: Callable[[bytes], object]) -> None:
        for part in body.parts:
            for at in range(0, len(part), 16_384):
                write(part[at : at + 16_384])

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        write = _tls(Path(folder))
        found = {
            "base64 and SHA-256": least(lambda: requests.body(data)),
            "of that, SHA-256": least(lambda: digest(body.parts)),
            "signature and head": least(lambda: requests.signed(body, credentials, 1e9)),
            "TLS": least(lambda: tls(write)),
        }
    size = len(record) * RECORDS / 1e6
    return {name: value * 1e3 / size for name, value in found.items()}


def _tls(folder: Path) -> Callable[[bytes], object]:
    """Writes through TLS into memory."""
    server_context, ca_file = certificate.server_context(folder)
    context = ssl.create_default_context(cafile=str(ca_file))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue

    def write(data: bytes) -> None:
        client.write(data)
        to_server.read()

    return write


def compression() -> list[dict[str, float]]:
    """Each level of zlib on 1 MB and 64 kB of lines of ours: CPU and what is left."""
    bodies = cost_lines.real_bodies(Random(1))
    lines = b"".join(finish(body, n) for n, body in enumerate(islice(bodies, 3_500), 1))
    found = []
    for level in range(1, 10):
        row: dict[str, float] = {"level": level}
        for name, data in (("MB", lines[:1_000_000]), ("64 kB", lines[:65_536])):
            size = len(_member(data, level))
            row[f"ms a MB, {name}"] = least(lambda d=data, n=level: _member(d, n)) * 1e9 / len(data)  # type: ignore[misc]
            row[f"share, {name}"] = size / len(data)
            row[f"billed, {name}"] = billed(size) / len(data)
        found.append(row)
    return found


def _member(data: bytes, level: int) -> bytes:
    member = zlib.compressobj(level, zlib.DEFLATED, 31)
    return member.compress(data) + member.flush()


def parts(result: Mapping[str, Any]) -> dict[str, str]:
    """The tables of docs/performance.md."""
    size = result["bytes of a line"]
    rows = []
    for name, value in result["us a line, in the function's thread"].items():
        rows.append((name, "function's", f"{value:.2f}", f"{value * 1e3 / size:.2f}"))
    for name, value in result["ms a MB, on the delivery thread"].items():
        rows.append((name, "delivery", f"{value * size / 1e3:.2f}", f"{value:.2f}"))
    levels = [
        (
            f"{row['level']:.0f}",
            *(
                text
                for of in ("MB", "64 kB")
                for text in (f"{row[f'ms a MB, {of}']:.1f}", f"{row[f'billed, {of}']:.3f}")
            ),
            f"{_micros(row):.2f}",
        )
        for row in result["compression"]
    ]
    return {
        "stages": f"Measured on {result['day']}, lines of {size} bytes, least of {ROUNDS} rounds:"
        "\n\n" + tables.markdown(rows, ("stage", "thread", "us a line", "ms a MB")),
        "compression": tables.markdown(
            levels,
            (
                *("level", "ms a MB", "billed bytes a byte", "ms a MB, 64 kB", "billed, 64 kB"),
                "millionths of a dollar a MB",
            ),
        ),
    }


def _micros(row: Mapping[str, float]) -> float:
    """Millionths of a dollar for a MB in full records: its processor, and what Firehose bills."""
    prices = Prices()
    processor = row["ms a MB, MB"] / 1e3 * prices.gb_second * WHOLE_PROCESSOR_MB / 1024
    return (processor + row["billed, MB"] * 1e6 / GB * prices.firehose_per_gb) * 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into the stored file and the page")
    parser.add_argument("--report", action="store_true", help="the page again, measuring nothing")
    options = parser.parse_args()
    if options.report:
        put(parts(json.loads(RESULTS.read_text(encoding="utf-8"))), PAGE)
        return 0
    thread, line = in_the_functions_thread()
    result = {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "bytes of a line": len(line),
        "us a line, in the function's thread": thread,
        "ms a MB, on the delivery thread": on_the_delivery_thread(line),
        "compression": compression(),
    }
    if options.write:
        store(RESULTS, result)
        put(parts(result), PAGE)
    print(text_of(result))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
