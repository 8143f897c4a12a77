"""A signal handler of the function's raises while we make a line: it comes out, nothing is lost."""

from __future__ import annotations

import io
import signal

import pytest

from firehose_logging._line.json_text import dumps
from support.captured import Stage


class AlarmError(Exception):
    """What the function's signal handler raises."""


@pytest.fixture(autouse=True)
def alarm():
    """The function has a signal handler that raises."""

    def handle(*_):
        raise AlarmError

    before = signal.signal(signal.SIGUSR1, handle)
    yield
    signal.signal(signal.SIGUSR1, before)


def ring(*_, **__):
    """The signal arrives here."""
    signal.raise_signal(signal.SIGUSR1)


class Key:
    """A key of a dict, in whose text the signal arrives."""

    def __str__(self):
        ring()
        return "never"


def test_in_the_functions_redact_hook():
    """It is no trouble of the hook's: no line is withheld because of it."""
    stage = Stage()
    calls = []

    def hook(line):
        calls.append(line)
        if len(calls) == 1:
            ring()
        return line

    stage.sink.redact_with(hook)
    with pytest.raises(AlarmError):
        stage.sink.add('{"message":"one"')
    stage.sink.add('{"message":"two"')

    assert stage.messages() == ["two"]


def test_in_the_text_of_a_key():
    """The value is not told as one that has no text."""
    with pytest.raises(AlarmError):
        dumps({Key(): 1})


def test_while_a_print_is_captured(monkeypatch):
    """The print is done, and raises what the function's own handler raised."""
    stage = Stage()
    with monkeypatch.context() as patch:
        patch.setattr(stage.capture, "text", ring)
        with pytest.raises(AlarmError):
            print("one", file=stage.stream)
    print("two", file=stage.stream)

    assert stage.below.getvalue().endswith("two\n")
    assert "two" in "".join(stage.messages())


class Attributed(io.BytesIO):
    """A stream of bytes that lets its methods be replaced, as a file's does."""


@pytest.fixture
def bytes_stage():
    """A stage over a stream of bytes."""
    return Stage(below=io.TextIOWrapper(Attributed(), encoding="utf-8", write_through=True))


@pytest.mark.parametrize("method", ["origin_of_bytes", "take"])
def test_while_bytes_are_captured(bytes_stage, monkeypatch, method):
    """So does a write of bytes, whether we were looking who writes or making the line."""
    buffer = bytes_stage.stream.buffer
    with monkeypatch.context() as patch:
        patch.setattr(bytes_stage.stream._writer, method, ring)
        with pytest.raises(AlarmError):
            buffer.write(b"one\n")
    buffer.write(b"two\n")

    assert bytes_stage.messages() == ["two"]


@pytest.mark.parametrize("method", ["origin_of_bytes", "take"])
def test_trouble_of_ours_breaks_no_write(bytes_stage, monkeypatch, method):
    """What breaks in the capture alone stays there; the bytes are written."""

    def fail(*_):
        raise ValueError("no line today")

    with monkeypatch.context() as patch:
        patch.setattr(bytes_stage.stream._writer, method, fail)
        assert bytes_stage.stream.buffer.write(b"one\n") == 4

    assert bytes_stage.below.buffer.getvalue() == b"one\n"


def test_a_print_that_finds_no_stack_again_waits_on(monkeypatch):
    """The end of an invocation tries each once, and ends."""
    stage = Stage()

    def deep(*_):
        raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr(stage.capture, "text", deep)
        print("deep", file=stage.stream)
        stage.capture.complete()
    stage.capture.complete()

    assert stage.messages() == ["deep"]


@pytest.mark.parametrize("where", ["stream", "capture"])
def test_a_used_up_stack_costs_no_print(monkeypatch, where):
    """What could not be made a line for want of stack is one when the invocation ends."""
    stage = Stage()

    def deep(*_):
        raise RecursionError

    with monkeypatch.context() as patch:
        of, name = {
            "stream": (stage.stream._writer, "take"),
            "capture": (stage.capture, "text"),
        }[where]
        patch.setattr(of, name, deep)
        print("deep", file=stage.stream)
    assert stage.messages() == []
    stage.capture.complete()

    assert stage.messages() == ["deep"]
    assert stage.below.getvalue() == "deep\n"
