"""Microseconds of one log call and one print, without the capture and with it, in turns.

python captured.py ROUNDS CALLS
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import awslambdaric.bootstrap as client

from firehose_logging import FirehoseHandler, Settings
from firehose_logging._capture.setup import Setup
from firehose_logging._capture.sink import Sink
from firehose_logging._clock import SystemClock
from firehose_logging._environment import Environment
from firehose_logging._line.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.children.log_call import empty
else:
    from log_call import empty  # beside this program

#: As in ``benchmarks/children/log_call.py``.
TEXT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"


def main(rounds: int, calls: int) -> None:
    """Measure and print."""
    out = sys.stdout
    bare_stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    bare_handler = logging.Logger.callHandlers
    logger = _logger()
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    handler = _capture()
    captured_stream, captured_handler = sys.stdout, logging.Logger.callHandlers

    def log(captured: bool) -> float:
        chosen: Any = captured_handler if captured else bare_handler
        logging.Logger.callHandlers = chosen  # type: ignore[method-assign]
        return _seconds(lambda: _record(logger), calls)

    def say(captured: bool) -> float:
        stream = captured_stream if captured else bare_stream
        return _seconds(lambda: print("order 17 for bob", file=stream), calls)

    result = {}
    for name, step in (("log call", log), ("print", say)):
        times: dict[bool, list[float]] = {False: [], True: []}
        for number in range(rounds):
            for captured in (False, True) if number % 2 else (True, False):
                times[captured].append(step(captured))
            empty(handler)
        result[name] = {
            "bare": [each * 1e6 for each in times[False]],
            "captured": [each * 1e6 for each in times[True]],
        }
    out.write(json.dumps(result))


def _capture() -> FirehoseHandler:
    """Capture logging and standard output, as the wrapper does; nothing is sent meanwhile."""
    settings = Settings(stream_name="bench", interval=900, capture=("logging", "stdout"))
    handler = FirehoseHandler("bench", settings=settings)
    delivery = handler._delivery
    assert delivery is not None
    delivery._background = lambda: False
    Setup(Sink(delivery), Context(Environment.now()), SystemClock(), settings).start()
    return handler


def _logger() -> logging.Logger:
    """One with the runtime client's own handler, which writes to nowhere."""
    sink = client.FramedTelemetryLogSink(os.open(os.devnull, os.O_WRONLY))
    sink.__enter__()
    handler = client.LambdaLoggerHandlerWithFrameType(sink)
    handler.setFormatter(logging.Formatter(TEXT, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(client.LambdaLoggerFilter())
    logger = logging.getLogger("bench")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    return logger


def _record(logger: logging.Logger) -> None:
    logger.info("order %s for %s", 17, "bob", extra={"customer": "c-42", "n": 3})


def _seconds(call: Callable[[], None], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
