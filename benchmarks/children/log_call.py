"""Microseconds of one log call, interleaved: every logger in each round, median of the rounds.

python log_call.py ROUNDS CALLS THREADS
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

os.environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"

import awslambdaric.bootstrap as client
from awslambdaric.lambda_runtime_log_utils import JsonFormatter

from firehose_logging import FirehoseHandler, Settings

EXTRAS = {f"key{number}": number if number % 2 else f"value {number}" for number in range(20)}


class Empty(logging.Handler):
    """Does nothing: what logging itself costs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Nothing."""


def short(logger: logging.Logger) -> None:
    """A few letters."""
    logger.info("hello")


def typical(logger: logging.Logger) -> None:
    """Two arguments, two extras."""
    logger.info("order %s for %s", 17, "bob", extra={"customer": "c-42", "n": 3})


def exception(logger: logging.Logger) -> None:
    """An exception with its stack."""
    try:
        raise KeyError("x")
    except KeyError:
        logger.exception("failed")


def twenty_extras(logger: logging.Logger) -> None:
    """Twenty extras."""
    logger.info("order %d", 1, extra=EXTRAS)


RECORDS = (short, typical, exception, twenty_extras)


def main(rounds: int, calls: int, threads: int) -> None:
    """Measure and print."""
    loggers, ours = make_loggers()
    result = {}
    for record in RECORDS:
        times: dict[str, list[float]] = {name: [] for name in loggers}
        for number in range(rounds):
            names = list(loggers)
            for name in names if number % 2 else reversed(names):
                times[name].append(measure(partial(record, loggers[name]), calls, threads))
            for handler in ours:
                empty(handler)
        result[record.__name__] = {
            name: {
                "us": statistics.median(values) * 1e6,
                "least": min(values) * 1e6,
                "ratios": [a / b for a, b in zip(values, times["Lambda JSON"], strict=True)],
            }
            for name, values in times.items()
        }
    print(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)


def make_loggers() -> tuple[dict[str, logging.Logger], list[FirehoseHandler]]:
    """Every way to log that is here, none of them propagating; and our handlers."""
    sink = client.FramedTelemetryLogSink(os.open(os.devnull, os.O_WRONLY))
    sink.__enter__()

    def lambdas(formatter: logging.Formatter) -> logging.Handler:
        handler: logging.Handler = client.LambdaLoggerHandlerWithFrameType(sink)
        handler.setFormatter(formatter)
        handler.addFilter(client.LambdaLoggerFilter())
        return handler

    ours = []
    for stream, journal in (("on", True), ("off", False)):
        handler = FirehoseHandler(stream, settings=Settings(journal=journal, interval=900))
        assert handler._delivery is not None
        handler._delivery._background = lambda: False  # as in Lambda: nothing is sent meanwhile
        ours.append(handler)
    text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
    handlers: dict[str, logging.Handler] = {
        "empty handler": Empty(),
        "Lambda text": lambdas(logging.Formatter(text, "%Y-%m-%dT%H:%M:%S")),
        "Lambda JSON": lambdas(JsonFormatter()),
        "firehose-logging": ours[0],
        "firehose-logging, journal off": ours[1],
    }
    loggers = {name: logger(name, handler) for name, handler in handlers.items()}
    loggers.update(others())
    return loggers, ours


def logger(name: str, handler: logging.Handler | None) -> logging.Logger:
    """A logger with this handler and no other."""
    made = logging.getLogger(f"bench.{name}")
    made.propagate = False
    made.setLevel(logging.DEBUG)
    if handler is not None:
        made.addHandler(handler)
    return made


def others() -> dict[str, logging.Logger]:
    """The loggers of other packages, writing to nowhere."""
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    found: dict[str, logging.Logger] = {}
    try:
        from aws_lambda_powertools import Logger

        found["Powertools Logger"] = Logger(service="bench", stream=nowhere)
    except ImportError:
        pass
    try:
        from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult

        class Nowhere:
            def export(self, batch: object) -> object:
                return LogRecordExportResult.SUCCESS

            def shutdown(self) -> None:
                """Nothing."""

            def force_flush(self, timeout_millis: int = 0) -> bool:
                return True

        provider = LoggerProvider()
        provider.add_log_record_processor(BatchLogRecordProcessor(Nowhere()))
        found["OpenTelemetry logs"] = logger("otel", LoggingHandler(logger_provider=provider))
    except ImportError:
        pass
    return found


def measure(call: Callable[[], None], calls: int, threads: int) -> float:
    """Seconds of wall clock for one call, all threads together doing ``calls`` of them."""
    if threads == 1:
        began = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - began) / calls
    start = threading.Barrier(threads + 1)

    def run() -> None:
        start.wait()
        for _ in range(calls // threads):
            call()

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - began) / (calls // threads * threads)


def empty(handler: FirehoseHandler) -> None:
    """Take what was logged as delivered."""
    delivery = handler._delivery
    assert delivery is not None
    backlog = delivery._backlog
    batcher = backlog.batcher
    while records := batcher.take():
        batcher.delivered(records)
    backlog.journal.forget(None)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
