"""A capture over a stream that a test looks at, with a delivery that it steps."""

from __future__ import annotations

import io
from typing import Any

from firehose_logging._capture.handling import Loggers
from firehose_logging._capture.output import Output
from firehose_logging._capture.records import Records
from firehose_logging._capture.sink import Sink
from firehose_logging._environment import Environment
from firehose_logging._line.context import Context
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import unthreaded


class Attributed(io.BytesIO):
    """A stream of bytes that lets its methods be replaced, as a file's does."""


def text_over(buffer: io.BytesIO) -> io.TextIOWrapper:
    """A text stream over bytes, which writes through at once."""
    return io.TextIOWrapper(buffer, encoding="utf-8", write_through=True)


class Stage:
    """Everything between a stream and memory.

    Args:
        passthrough: whether what is written goes on to the stream below.
        level: of the records that are taken.
        name: of the stream.
        below: the stream; None makes one of text alone.
    """

    def __init__(
        self, *, passthrough: bool = True, level: int = 0, name: str = "stdout", below: Any = None
    ) -> None:
        self.clock = ManualClock()
        self.transport = MemoryTransport()
        self.delivery = unthreaded(self.transport, self.clock)
        self.context = Context(Environment({}))
        self.sink = Sink(self.delivery)
        self.records = Records(self.sink, self.context)
        self.loggers = Loggers(self.records, level, passes_on=passthrough)
        self.capture = Output(self.sink, self.context, self.clock, self.loggers)
        self.below = io.StringIO() if below is None else below
        self.stream = self.capture.stream(self.below, name, passthrough=passthrough)

    def lines(self) -> list[dict[str, Any]]:
        """All lines so far."""
        self.delivery.request_flush()
        self.delivery.dispatcher.step()
        return self.transport.lines()

    def messages(self) -> list[Any]:
        """Their messages."""
        return [line["message"] for line in self.lines()]
