"""Fuzz targets: odd records through the handler, and any output through the capture."""

from __future__ import annotations

import functools
import io
import json
import logging
from typing import Any

from hypothesis import strategies as st

from faults.targets.target import Target
from firehose_logging._capture.output import Output
from firehose_logging._capture.records import Records
from firehose_logging._capture.sink import Sink as LineSink
from firehose_logging._clock import SystemClock
from firehose_logging._environment import Environment
from firehose_logging._limits import MAX_RECORD_BYTES
from firehose_logging._line.context import Context
from firehose_logging._line.line import finish
from firehose_logging.handler import FirehoseHandler
from firehose_logging.settings import Settings
from tools import strategies as odd


class Sink:
    """Takes bodies in the place of a delivery."""

    background = False

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.lost = 0

    def add(self, body: str) -> None:
        """Keep a body."""
        self.bodies.append(body)

    def lose(self, reason: str = "", lines: int = 1) -> None:
        """Count a loss."""
        del reason
        self.lost += lines


@functools.cache
def _handler() -> FirehoseHandler:
    return FirehoseHandler("logs", settings=Settings(stream_name="logs"), client=object())


def handler_into(sink: Sink, redact: Any = None) -> FirehoseHandler:
    """A handler whose lines go into a sink."""
    handler = _handler()
    lines = LineSink(sink)
    if redact is not None:
        lines.redact_with(redact)
    handler._records = Records(lines, Context(Environment({})))
    return handler


def emit(record: logging.LogRecord) -> None:
    """Any record is valid lines or one counted loss, and is left as it was."""
    before = dict(record.__dict__)
    sink = Sink()
    handler_into(sink).handle(record)

    assert sink.bodies or sink.lost
    check(sink.bodies)
    assert list(record.__dict__) == list(before)
    assert all(record.__dict__[name] is value for name, value in before.items())


def redact(record: logging.LogRecord) -> None:
    """The hook sees every line whole, and what it gives is valid lines."""
    seen: list[dict[str, Any]] = []

    def hook(line: dict[str, Any]) -> dict[str, Any]:
        seen.append(line)
        return {**line, "checked": True}

    sink = Sink()
    handler_into(sink, hook).handle(record)
    check(sink.bodies)
    assert len(seen) + sink.lost >= 1
    if len(sink.bodies) == 1:
        assert json.loads(finish(sink.bodies[0], 1))["checked"] is True


def check(bodies: list[str]) -> None:
    """Bodies are legal lines."""
    for number, body in enumerate(bodies, 1):
        line = finish(body, number)
        assert len(line) <= MAX_RECORD_BYTES
        assert line.endswith(b"}\n")
        assert line.count(b"\n") == 1
        parsed = json.loads(line, parse_constant=_no_constant)
        assert parsed["seq"] == number


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def write(texts: list[str]) -> None:
    """What is written goes where it went, and comes as lines that hold all of it."""
    sink, under = Sink(), io.StringIO()
    capture = Output(LineSink(sink), Context(Environment({})), SystemClock())
    stream = capture.stream(under, "stdout", passthrough=True)
    for text in texts:
        stream.write(text)
    stream.complete()

    assert under.getvalue() == "".join(texts)
    check(sink.bodies)


written = st.lists(st.one_of(odd.texts, st.just("x" * 70_000), st.just("\n")), max_size=6)

TARGETS = [
    Target("records", odd.records(), emit),
    Target("records, redacted", odd.records(), redact),
    Target("output", written, write),
]
