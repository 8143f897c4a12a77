"""Standard output and error: text, bytes, and who writes them."""

from __future__ import annotations

import io
import logging
import sys
import threading
import types
from datetime import datetime, timezone

from firehose_logging._capture.streams import MAX_FUNCTIONS, MAX_PARTIAL
from support.captured import Stage, text_over


def test_detached(bytes_below):
    """Who takes the bytes for a text layer of his own gets them, and his text is lines."""
    stage = bytes_below
    again = text_over(stage.stream.detach())
    again.write("through another layer\n")

    assert stage.messages() == ["through another layer"]


def test_iterated_and_shown():
    """Iterating it iterates the stream below; its repr says what it is."""
    stage = Stage(below=io.StringIO("a\nb\n"))

    assert list(stage.stream) == ["a\n", "b\n"]
    assert repr(stage.stream).startswith("<CapturedStream of <_io.StringIO")


def test_many_pieces(capsys):
    """``writelines`` writes each."""
    stage = Stage()
    stage.stream.writelines(["a\n", "b", "c\n"])

    assert stage.messages() == ["a", "bc"]
    assert stage.below.getvalue() == "a\nbc\n"


def test_a_progress_bar():
    """What a terminal writes over is no line: what was there last is."""
    stage = Stage()
    for percent in (10, 50, 100):
        stage.stream.write(f"\r{percent} %")
    stage.stream.write("\n")
    stage.stream.write("1\r2\nx\ry\n")

    assert stage.messages() == ["100 %", "2\ny"]


def test_a_piece_too_long_to_wait():
    """Output without a line end is a line when it is longer than what is kept waiting."""
    stage = Stage()
    stage.stream.write("x" * MAX_PARTIAL)

    assert [len(message) for message in stage.messages()] == [MAX_PARTIAL]


def test_a_warning_is_a_line_of_its_own():
    """On standard error a warning has its logger and level, and is printed as it was."""
    stage = Stage(name="stderr")
    module = types.ModuleType("warnings")
    exec("def show(stream, text): stream.write(text)", module.__dict__)
    module.show(stage.stream, "careful\n")
    stage.stream.write("not a warning\n")

    assert [(x["logger"], x["level"]) for x in stage.lines()] == [
        ("py.warnings", "WARNING"),
        ("stderr", "INFO"),
    ]


def test_who_writes_to_standard_error_is_known_again():
    """The second time as the first: the function, a warning, the runtime client, in any order."""
    stage = Stage(name="stderr")
    said = {"app": "mine\n", "warnings": "careful\n", "awslambdaric.bootstrap": "theirs\n"}
    shows = {}
    for name in said:
        module = types.ModuleType(name)
        # Code of its own each time, which says the same: that is equal.
        exec(compile("def show(stream, text): stream.write(text)", name, "exec"), module.__dict__)
        shows[name] = module.show
    for name in [*said, *reversed(said), *said]:
        shows[name](stage.stream, said[name])

    assert [(x["logger"], x["message"]) for x in stage.lines()] == [
        ("stderr", "mine"),
        ("py.warnings", "careful"),
        ("py.warnings", "careful"),
        ("stderr", "mine"),
        ("stderr", "mine"),
        ("py.warnings", "careful"),
    ]


def test_functions_that_print_are_remembered_within_bounds():
    """Functions that are made up for each print do not fill the memory; each is a line."""
    stage = Stage(name="stderr")
    for number in range(MAX_FUNCTIONS + 5):
        names = {}
        exec(f"def f{number}(stream): stream.write('x\\n')", names)
        names[f"f{number}"](stage.stream)

    assert len(stage.stream._writer._functions) == MAX_FUNCTIONS
    assert len(stage.messages()) == MAX_FUNCTIONS + 5


def test_what_the_runtime_client_prints_is_no_line():
    """The runtime client's own lines, of errors and of records that we have, are passed on."""
    stage = Stage(name="stderr")
    module = types.ModuleType("awslambdaric.bootstrap")
    exec("def log(stream, text): stream.write(text)", module.__dict__)
    module.log(stage.stream, "[ERROR] KeyError\n")

    assert stage.messages() == []
    assert stage.below.getvalue() == "[ERROR] KeyError\n"


def test_a_report_is_told_apart():
    """While something is captured in a better form, what it prints is passed on and no line."""
    stage = Stage()

    assert stage.capture.quietly(lambda: stage.stream.write("told already\n")) == 13
    stage.capture.quietly(lambda: stage.capture.quietly(lambda: None))
    stage.stream.write("told here\n")
    assert stage.messages() == ["told here"]
    assert stage.below.getvalue() == "told already\ntold here\n"


def test_a_handlers_failure_is_one_line(monkeypatch):
    """A report of ``logging`` about a broken handler is one line, and the stream gets no pieces."""
    stage = Stage(name="stderr")
    monkeypatch.setattr(logging.Handler, "handleError", logging.Handler.handleError)
    monkeypatch.setattr(sys, "stderr", stage.stream)
    stage.capture.hook_reports()

    class Broken(logging.Handler):
        def emit(self, record):
            try:
                raise ValueError("broken")
            except ValueError:
                self.handleError(record)

    logger = logging.Logger("app")
    logger.addHandler(Broken())
    logger.warning("hello")

    (line,) = stage.lines()
    assert (line["logger"], line["level"]) == ("logging", "ERROR")
    assert "--- Logging error ---" in line["message"]
    assert "ValueError: broken" in line["message"]


def test_a_handler_behind_a_queue():
    """A record that a listener's handler prints on its own thread was taken when it was logged."""
    import logging.handlers
    import queue

    stage = Stage()
    stage.loggers.hook()
    records: queue.Queue[logging.LogRecord] = queue.Queue()
    printing = logging.StreamHandler(stage.stream)
    listener = logging.handlers.QueueListener(records, printing)
    logger = logging.Logger("app")
    logger.addHandler(logging.handlers.QueueHandler(records))
    logger.warning("through a queue")
    listener.start()
    listener.stop()

    assert stage.messages() == ["through a queue"]
    assert "through a queue" in stage.below.getvalue()


def test_objects_with_text_of_their_own():
    """A subclass of str, as loguru prints, is its plain text."""

    class Message(str):
        __slots__ = ()

    message = Message("2026 | hello\n")
    stage = Stage()
    stage.stream.write(message)

    assert stage.messages() == ["2026 | hello"]


def test_what_breaks_in_a_line_breaks_no_print(monkeypatch):
    """A defect of ours costs the line, not the print."""
    stage = Stage()
    monkeypatch.setattr(stage.capture, "text", lambda *a: 1 / 0)

    assert stage.stream.write("hello\n") == 6
    assert stage.below.getvalue() == "hello\n"


def test_threads_that_call_firehose_are_passed_over(monkeypatch):
    """What is printed about our own call, by tracers, is passed on and no line."""
    from firehose_logging import _threads

    stage = Stage()
    monkeypatch.setattr(_threads, "calling", {threading.get_ident()})
    stage.stream.write("PutRecordBatch took 3 ms\n")

    assert stage.messages() == []
    assert stage.below.getvalue() == "PutRecordBatch took 3 ms\n"


def test_a_record_of_loguru():
    """Its text comes with what loguru knows: level, module, extras and the exception."""

    class Message(str):
        __slots__ = ("record",)

    error = KeyError("k")
    message = Message("2026 | hello\n")
    message.record = {
        "level": types.SimpleNamespace(name="WARNING"),
        "time": datetime(2026, 1, 2, tzinfo=timezone.utc),
        "name": "shop", "message": "hello", "extra": {"order": 3},
        "exception": types.SimpleNamespace(type=KeyError, value=error, traceback=None),
    }  # fmt: skip
    stage = Stage()
    stage.stream.write(message)

    (line,) = stage.lines()
    assert (line["message"], line["level"], line["logger"]) == ("hello", "WARNING", "shop")
    assert (line["order"], line["errorType"]) == (3, "KeyError")
    assert line["timestamp"].startswith("2026-01-02T00:00:00")
