"""Any function that sets up its logging as it likes: unchanged by us, and each record once."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firehose_logging._capture.handling import Loggers
from firehose_logging._capture.output import Output
from firehose_logging._capture.records import Records
from firehose_logging._capture.sink import Sink
from firehose_logging._environment import Environment
from firehose_logging._line.context import Context
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import unthreaded


class Json(logging.Formatter):
    """What small logging helpers do: JSON, escaped, with a key of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        found = {"level": record.levelname, "message": record.getMessage(), "service": "shop"}
        return json.dumps(found)


class Printing(logging.Handler):
    """A handler that prints the record by itself, and something else."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Print twice."""
        print(self.format(record), file=self.stream)
        print("aside", file=self.stream)


class Raising(logging.Handler):
    """A handler whose error goes to whoever logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        raise LookupError(record.getMessage())


class World:
    """Two loggers, parent and child, whose handlers write to one stream."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.parent = logging.Logger("shop", logging.DEBUG)
        self.child = logging.Logger("shop.db", logging.DEBUG)
        self.child.parent = self.parent
        # Else logging prints what nobody handles to the real stderr.
        self.parent.addHandler(logging.NullHandler())
        self.child.addHandler(logging.NullHandler())
        self.logged: list[tuple[str, str]] = []
        self.printed: list[str] = []
        self.raised: list[str] = []

    def do(self, step: tuple[Any, ...]) -> None:
        """One step of the function."""
        what, which, value = step
        logger = (self.parent, self.child)[which]
        getattr(self, f"_{what}")(logger, value)

    def _stream_handler(self, logger: logging.Logger, level: int) -> None:
        handler = logging.StreamHandler(self.stream)
        handler.setLevel(level)
        logger.addHandler(handler)

    def _printing_handler(self, logger: logging.Logger, level: int) -> None:
        handler = Printing(self.stream)
        handler.setLevel(level)
        logger.addHandler(handler)

    def _remove(self, logger: logging.Logger, _: int) -> None:
        for handler in logger.handlers[1:]:
            logger.removeHandler(handler)

    def _json(self, logger: logging.Logger, _: int) -> None:
        for handler in logger.handlers:
            handler.setFormatter(Json())

    def _filter(self, logger: logging.Logger, level: int) -> None:
        for handler in logger.handlers:
            handler.addFilter(lambda record: record.levelno > level)

    def _propagate(self, logger: logging.Logger, level: int) -> None:
        logger.propagate = level > logging.INFO

    def _level(self, logger: logging.Logger, level: int) -> None:
        logger.setLevel(level)

    def _log(self, logger: logging.Logger, level: int) -> None:
        text = f"record {len(self.logged)} grün"
        if logger.isEnabledFor(level):
            self.logged.append((logging.getLevelName(level), text))
        logger.log(level, "record %d %s", len(self.logged) - logger.isEnabledFor(level), "grün")

    def _exception(self, logger: logging.Logger, level: int) -> None:
        text = f"failed {len(self.logged)}"
        try:
            raise KeyError(text) from ValueError(level)
        except KeyError:
            if logger.isEnabledFor(level):
                self.logged.append((logging.getLevelName(level), text))
            logger.log(level, text, exc_info=True)

    def _thread(self, logger: logging.Logger, level: int) -> None:
        for step in (self._log, self._print, self._exception):
            thread = threading.Thread(target=step, args=(logger, level))
            thread.start()
            thread.join()

    def _raising(self, logger: logging.Logger, level: int) -> None:
        handler = Raising(level)
        logger.addHandler(handler)
        try:
            self._log(logger, level)
        except LookupError as error:
            self.raised.append(str(error))
        finally:
            logger.removeHandler(handler)

    def _print(self, _: logging.Logger, number: int) -> None:
        self.printed.append(f"print {number}")
        print("print", number, file=self.stream)


LEVELS = st.sampled_from([logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "stream_handler",
                "printing_handler",
                "remove",
                "json",
                "filter",
                "propagate",
                "level",
                "log",
                "log",
                "log",
                "exception",
                "thread",
                "raising",
                "print",
            ]
        ),
        st.integers(0, 1),
        LEVELS,
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(STEPS)
def test_any_function_is_as_without_us(steps: list[tuple[Any, ...]]) -> None:
    """Its output is byte for byte the same; each record and each print is one line."""
    bare = World(io.StringIO())
    for step in steps:
        bare.do(step)

    before = logging.Logger.callHandlers
    delivery = unthreaded(transport := MemoryTransport(), clock := ManualClock())
    sink, context, below = Sink(delivery), Context(Environment({})), io.StringIO()
    loggers = Loggers(Records(sink, context), 0, passes_on=True)
    output = Output(sink, context, clock, loggers)
    ours = World(output.stream(below, "stdout", passthrough=True))
    try:
        loggers.hook()
        for step in steps:
            ours.do(step)
    finally:
        logging.Logger.callHandlers = before  # type: ignore[method-assign]
    output.complete()
    delivery.request_flush()
    delivery.dispatcher.step()

    assert below.getvalue() == bare.stream.getvalue()
    assert ours.raised == bare.raised
    lines = [line for line in transport.lines() if line["message"] != "aside"]
    records = Counter(
        (line["level"], line["message"]) for line in lines if line["logger"] != "stdout"
    )
    printed = Counter(line["message"] for line in lines if line["logger"] == "stdout")
    assert records == Counter(bare.logged)
    failed = [line for line in lines if line["message"].startswith("failed")]
    assert {line.get("errorType") for line in failed} <= {"KeyError"}
    assert printed == Counter(bare.printed)
    asides = sum(line["message"] == "aside" for line in transport.lines())
    assert asides == below.getvalue().count("aside")
