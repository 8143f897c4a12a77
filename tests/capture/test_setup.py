"""What is captured, as the settings say."""

from __future__ import annotations

import datetime as dt
import io
import logging
import signal
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


def test_settings_that_change_later(capture, capsys):
    """Level and passthrough hold from then on, in streams and loggers; what is captured stays."""
    setup, stage = capture("stdout", "logging", "errors")
    logger = logging.Logger("app")
    logger.addHandler(logging.NullHandler())
    print("passed on")
    logger.info("taken")
    assert not setup.silences_errors
    setup.change(Settings(stream_name="logs", level="WARNING", passthrough=False, capture=()))
    print("kept back")
    logger.info("too low")
    logger.warning("high")

    assert capsys.readouterr().out == "passed on\n"
    assert stage.messages() == ["passed on", "taken", "kept back", "high"]
    assert setup.silences_errors


def test_a_report_within_a_report_is_no_line_of_its_own(capture):
    """What is captured in a better form already is printed alone."""
    setup, stage = capture("stderr")
    handler, record = logging.Handler(), logging.makeLogRecord({"msg": "m"})
    try:
        raise KeyError("k")
    except KeyError:
        setup.quietly(lambda: handler.handleError(record))
        assert stage.messages() == []
        handler.handleError(record)

    (line,) = stage.lines()
    assert (line["logger"], line["level"]) == ("logging", "ERROR")
    assert "KeyError: 'k'" in line["message"]


def test_trouble_with_a_line_about_an_error_is_no_other_error(capture, monkeypatch):
    """The hook that was there is called as without us."""
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *given: seen.append(given[1]))
    _, stage = capture("errors")
    error = KeyError("k")

    def fail(*_):
        raise ValueError("no line today")

    monkeypatch.setattr(stage.sink, "line", fail)
    sys.excepthook(KeyError, error, None)

    assert seen == [error]


class AlarmError(Exception):
    """What a signal handler of the function's raises."""


def test_an_alarm_while_an_error_is_told_comes_out(capture, monkeypatch):
    """It is the function's own exception; ours to swallow it is not."""
    monkeypatch.setattr(sys, "excepthook", lambda *given: None)
    capture("errors")

    class SignalledError(Exception):
        def __str__(self):
            signal.raise_signal(signal.SIGUSR1)
            return ""

    def handle(*_):
        raise AlarmError

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(AlarmError):
            sys.excepthook(SignalledError, SignalledError(), None)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_runtimes_own_frames_are_left_out(capture):
    """A chained error's stack begins where the function's code does."""
    setup, stage = capture("errors")
    names = {}
    code = "def call(function):\n    function()\n"
    exec(compile(code, "/var/runtime/awslambdaric/bootstrap.py", "exec"), names)

    def function():
        raise ValueError("effect") from KeyError("cause")

    try:
        names["call"](function)
    except ValueError as error:
        trace = error.__traceback__
        error.__traceback__ = trace.tb_next  # as the runtime client sees it: its frame is first
        setup.runtime_error({"errorType": "ValueError", "errorMessage": "effect"}, error)

    (line,) = stage.lines()
    stack = "".join(line["stackTrace"])
    assert "in function" in stack
    assert "/awslambdaric/bootstrap.py" not in stack


def test_what_loguru_serializes_is_columns(stage_of_loguru):
    """Of a record that is printed as JSON its members are columns, without the text of all."""
    stage, record = stage_of_loguru
    stage.capture.record(record, '{"text": "12:00 sold\\n", "record": {"n": 1}}', "stderr")

    (line,) = stage.lines()
    assert (line["message"], line["level"], line["logger"]) == ("sold", "WARNING", "shop")
    assert line["extra"] == {"record": {"n": 1}}


def test_what_loguru_prints_has_its_extras_and_its_error(stage_of_loguru):
    """A plain text comes with what loguru knows of it."""
    stage, record = stage_of_loguru
    error = types.SimpleNamespace(type=KeyError, value=KeyError("k"), traceback=None)
    stage.capture.record({**record, "exception": error}, "12:00 sold\n", "stderr")

    (line,) = stage.lines()
    assert (line["errorType"], line["errorMessage"], line["left"]) == ("KeyError", "'k'", 7)


@pytest.fixture
def stage_of_loguru():
    """A stage, and a record as loguru's sinks get it."""
    record = {
        "exception": None,
        "extra": {"left": 7},
        "level": types.SimpleNamespace(name="WARNING"),
        "message": "sold",
        "name": "shop",
        "time": dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc),
    }
    return Stage(), record
