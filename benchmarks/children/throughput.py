"""Lines from ``logger.info`` to confirmed delivery: seconds, CPU and memory.

python throughput.py SENDER LINES LINES_BETWEEN_FLUSHES
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("bench")
Flush = Callable[[], object]


def main(sender: str, lines: int, between: int) -> None:
    """Log, flush every so often as invocations do, and print."""
    # firefighter warns of what it could not deliver.
    warnings.simplefilter("error")
    logger.setLevel(logging.INFO)
    flush = SENDERS[sender]()
    logger.info("the first line makes what is made once")
    flush()
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(lines):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
        if number % between == between - 1:
            flush()
    flush()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"lines": lines, "seconds": seconds, "cpu": cpu, "mib": high_water()}))


def high_water() -> float:
    """MiB; ``getrusage`` would count the program that started us as well."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise SystemExit("no VmHWM in /proc/self/status")


def firehose_logging() -> Flush:
    """Ours."""
    from firehose_logging import FirehoseHandler, flush

    logger.addHandler(FirehoseHandler())

    def checked() -> None:
        result = flush(60)
        if not result:
            raise SystemExit(f"not all was delivered: {result}")

    return checked


def firefighter() -> Flush:
    """A record for each line, calls of 5 KiB."""
    from firefighter.logging import FirehoseHandler

    handler = FirehoseHandler(os.environ["AWS_KINESIS_STREAM_NAME"])
    logger.addHandler(handler)
    flush: Flush = handler.flush
    return flush


def kflogs() -> Flush:
    """A call for each line."""
    from kflogs import KinesisFirehoseHandler, SimpleJsonFormatter

    logging.raiseExceptions = True
    handler = KinesisFirehoseHandler(stream_name=os.environ["AWS_KINESIS_STREAM_NAME"])
    handler.setFormatter(SimpleJsonFormatter())
    logger.addHandler(handler)
    return lambda: None


def boto3_by_hand() -> Flush:
    """The least that works: lines kept in a list, a record of up to 500 kB for each call."""
    import boto3

    client = boto3.client("firehose")
    kept: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(json.dumps({"message": record.getMessage(), "customer": "c-42", "n": 3}))

    def flush() -> None:
        while kept:
            part, kept[:] = kept[:4_000], kept[4_000:]
            data = "".join(f"{line}\n" for line in part).encode()
            answer = client.put_record_batch(
                DeliveryStreamName=os.environ["AWS_KINESIS_STREAM_NAME"], Records=[{"Data": data}]
            )
            if answer["FailedPutCount"]:
                raise SystemExit(f"not all was delivered: {answer}")

    logger.addHandler(Keep())
    return flush


def watchtower() -> Flush:
    """To CloudWatch Logs."""
    import watchtower as package

    handler = package.CloudWatchLogHandler(log_group_name="bench", log_stream_name="bench")
    logger.addHandler(handler)
    flush: Flush = handler.flush
    return flush


def opentelemetry() -> Flush:
    """OTLP over HTTP, the batch processor's queue as large as a batch of lines between flushes."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return _opentelemetry(OTLPLogExporter())


def opentelemetry_json() -> Flush:
    """The same as JSON, without protobuf."""
    from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter

    return _opentelemetry(OTLPLogExporter())


def _opentelemetry(exporter: Any) -> Flush:
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    warnings.simplefilter("ignore")  # the handler is deprecated
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=20_000))
    logger.addHandler(LoggingHandler(logger_provider=provider))
    flush: Flush = provider.force_flush
    return flush


SENDERS: dict[str, Callable[[], Flush]] = {
    "firehose_logging": firehose_logging,
    "firefighter": firefighter,
    "kflogs": kflogs,
    "boto3_by_hand": boto3_by_hand,
    "watchtower": watchtower,
    "opentelemetry": opentelemetry,
    "opentelemetry_json": opentelemetry_json,
}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
