"""What a redact hook says about lines that telemetry brings."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading

import pytest

from firehose_logging import _diagnostics, _threads
from firehose_logging._capture.sink import Sink

HEAD = '{"timestamp":"2026-01-01T00:00:00.000000Z","type":"function","level":"INFO","logger":"a"'


class Kept(list):
    """Keeps bodies."""

    add = list.append


class Stream(io.StringIO):
    """A stream with attributes of its own."""


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.texts.append(record.getMessage())


@pytest.fixture(autouse=True)
def _loggers_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.Logger, "callHandlers", logging.Logger.callHandlers)
    monkeypatch.setattr(_diagnostics, "_said", set())


def new_stdout(monkeypatch):
    """Standard output of a test; pytest has its own until the test itself runs."""
    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def test_it_is_kept_back_on_our_own_thread_alone(monkeypatch, capfd):
    """Prints and records of the hook are dropped and told once; those of everyone else pass."""
    stdout = new_stdout(monkeypatch)
    kept, heard = Kept(), Heard()
    log = logging.getLogger("a.hook.that.talks")
    log.addHandler(heard)
    others: list[threading.Thread] = []

    def redact(line):
        print("hook prints")
        log.warning("hook logs")
        other = threading.Thread(target=lambda: (print("function prints"), log.warning("its log")))
        other.start()
        other.join()
        others.append(other)
        return line

    sink = Sink(kept)
    sink.redact_with(redact)
    _threads.own.add(threading.get_ident())
    try:
        for n in range(2):
            sink.from_platform(f'{HEAD},"message":"{n}"')
    finally:
        _threads.own.discard(threading.get_ident())
    print("after it")
    log.warning("after it")
    log.removeHandler(heard)

    assert [json.loads(body + "}")["message"] for body in kept] == ["0", "1"]
    assert stdout.getvalue() == "function prints\n" * 2 + "after it\n"
    assert heard.texts == ["its log", "its log", "after it"]
    assert capfd.readouterr().err.count("kept back") == 1


def test_a_stream_without_attributes_stays_as_it_is(monkeypatch):
    """What cannot be covered is left alone; so is a program without standard error."""
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(
        sys, "stdout", type("Bare", (), {"__slots__": ("__weakref__",), "write": plain.write})()
    )
    sink = Sink(Kept())
    sink.redact_with(lambda line: line)

    sink.from_platform(f'{HEAD},"message":"a"')
    print("as before", file=sys.stdout)

    assert plain.getvalue() == "as before\n"


def test_a_stream_that_is_seen_already_still_is(monkeypatch):
    """A write of the stream's own is asked for what passes."""
    stdout = new_stdout(monkeypatch)
    seen: list[str] = []
    stdout.write = seen.append  # as a capture sets it
    sink = Sink(Kept())
    sink.redact_with(lambda line: line)
    sink.from_platform(f'{HEAD},"message":"a"')

    print("here", end="")

    assert "".join(seen) == "here"
