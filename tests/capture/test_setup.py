"""What is captured, as the settings say."""

from __future__ import annotations

import io
import logging
import sys
import threading
import types

import pytest

from firehose_logging._capture.setup import Setup
from firehose_logging.settings import Settings
from support.captured import Stage


@pytest.fixture
def capture(monkeypatch):
    """Starts a capture with these settings over streams of the test's own; gives it and a stage."""
    stage = Stage()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(logging.Handler, "handleError", logging.Handler.handleError)

    def start(*names, passthrough=True):
        settings = Settings(stream_name="logs", capture=names, passthrough=passthrough)
        setup = Setup(stage.sink, stage.context, stage.clock, settings)
        setup.start()
        return setup, stage

    return start


def test_nothing(capture):
    """With nothing named the process is as it was."""
    before = sys.stdout, sys.stderr, sys.excepthook, logging.Logger.callHandlers
    setup, stage = capture()
    print("unseen")
    setup.complete()

    assert (sys.stdout, sys.stderr, sys.excepthook, logging.Logger.callHandlers) == before
    assert stage.messages() == []
    assert setup.look() is None
    assert not setup.silences_errors


def test_each_stream_by_its_name(capture):
    """Only the streams that are named are captured."""
    setup, stage = capture("stderr")
    print("unseen")
    print("seen", file=sys.stderr)
    setup.complete()

    assert [(x["message"], x["logger"]) for x in stage.lines()] == [("seen", "stderr")]


def test_a_process_without_streams(capture, monkeypatch):
    """A program that was started without standard output has nothing to capture."""
    monkeypatch.setattr(sys, "stdout", None)
    capture("stdout", "stderr")

    assert sys.stdout is None


def test_logging_and_its_printed_form(capture):
    """A record that a handler prints is one line: the record's."""
    _, stage = capture("logging", "stdout")
    logger = logging.Logger("app")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.warning("hello")

    assert [(x["message"], x["logger"]) for x in stage.lines()] == [("hello", "app")]


def test_uncaught_errors(capture, monkeypatch):
    """Errors that nobody caught are lines, and the hooks that were there see them, too."""
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *given: seen.append(given[1]))
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_value))
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args.exc_value))
    _, stage = capture("errors")

    def error(number):
        try:
            raise KeyError(number)
        except KeyError as caught:
            return type(caught), caught, caught.__traceback__

    def told(error_type, value=None, trace=None):
        return types.SimpleNamespace(
            exc_type=error_type, exc_value=value, exc_traceback=trace, thread=None
        )

    sys.excepthook(*error(1))
    threading.excepthook(told(*error(2)))
    threading.excepthook(told(SystemExit))
    sys.unraisablehook(told(*error(3)))

    assert [(x["logger"], x["errorMessage"]) for x in stage.lines()] == [
        ("sys.excepthook", "1"),
        ("threading.excepthook", "2"),
        ("sys.unraisablehook", "3"),
    ]
    assert [str(error) for error in seen] == ["1", "2", "None", "3"]


def test_reports_of_the_runtime(capture):
    """What the runtime client reports is a line where errors are captured, and only there."""
    report = {"errorType": "KeyError", "errorMessage": "'k'", "stackTrace": ["at line 1\n"]}
    setup, stage = capture("errors", passthrough=False)
    setup.runtime_error(report, None)
    setup.runtime_error({}, None)
    assert setup.silences_errors
    others, _ = capture("stdout")
    others.runtime_error(report, None)

    first, second = stage.lines()
    assert (first["errorType"], first["stackTrace"]) == ("KeyError", ["at line 1"])
    assert second["errorType"] == "Error"


def test_a_chained_error_of_the_runtime(capture):
    """Where the exception is known, its cause is told too."""
    setup, stage = capture("errors")
    try:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise ValueError("effect") from cause
    except ValueError as error:
        setup.runtime_error({"errorType": "ValueError", "errorMessage": "effect"}, error)

    (line,) = stage.lines()
    assert "KeyError" in str(line["stackTrace"])
    assert line["errorType"] == "ValueError"


def test_context_log(capture):
    """What goes through ``context.log`` is a line with that name."""
    setup, stage = capture("stdout")
    setup.context_log("from the context\n")
    setup.quietly(lambda: print("and its printed form"))

    assert [(x["message"], x["logger"]) for x in stage.lines()] == [
        ("from the context", "context.log")
    ]


def test_output_that_waits_for_its_end(capture):
    """At the end of an invocation what has no line end yet is a line."""
    setup, stage = capture("stdout", "logging")
    print("no end", end="")
    assert stage.messages() == []
    setup.complete()

    assert stage.messages() == ["no end"]
