from __future__ import annotations

import json
import logging
import textwrap
import threading

import pytest

from firehose_logging import _diagnostics
from firehose_logging._capture.streams import MAX_PARTIAL
from firehose_logging._line.exception import location_of
from support.captured import Stage
from support.stage import run_python


@pytest.fixture
def stage():
    """A capture with passthrough."""
    return Stage()


def test_print_is_a_line(stage):
    """A print is one line with its stream as logger, and is printed as before."""
    stage.context.begin("r-1")
    print("hello", 3, file=stage.stream)

    (line,) = stage.lines()
    assert (line["message"], line["logger"], line["level"]) == ("hello 3", "stdout", "INFO")
    assert (line["requestId"], line["type"]) == ("r-1", "function")
    assert stage.below.getvalue() == "hello 3\n"


def test_a_kind_of_string_of_its_own(stage):
    """An object that is a str and more (loguru's messages are) is a line, by its letters alone."""

    class Message(str):
        __slots__ = ()

        def endswith(self, *_):
            raise NotImplementedError

        strip = rstrip = __add__ = __radd__ = __str__ = endswith

    stage.stream.write(Message("hello\n"))

    (line,) = stage.lines()
    assert line["message"] == "hello"
    assert stage.below.getvalue() == "hello\n"


def test_what_is_printed_during_a_call_is_no_line(monkeypatch):
    """What a tracer prints about a call to Firehose is printed, and would never end as lines."""
    stage = Stage(passthrough=False)
    send = stage.transport.send

    def traced(*arguments):
        stage.stream.write("a call was traced\n")
        return send(*arguments)

    monkeypatch.setattr(stage.transport, "send", traced)
    print("a line", file=stage.stream)

    assert stage.messages() == ["a line"]
    assert stage.messages() == ["a line"]
    assert stage.below.getvalue() == "a call was traced\n"


def test_who_already_holds_the_stream(stage):
    """What is written to a covered stream by those who hold it is a line, and printed once."""
    stage.stream.cover()
    stage.below.write("held\n")
    print("through us", file=stage.stream)

    assert stage.messages() == ["held", "through us"]
    assert stage.below.getvalue() == "held\nthrough us\n"
    assert stage.messages() == ["held", "through us"]


def test_a_stream_that_cannot_be_covered():
    """A stream without attributes of its own is captured through its stand-in alone."""

    class Bare:
        __slots__ = ("written",)

        def write(self, text):
            self.written = text

    stage = Stage()
    bare = Bare()
    stream = stage.capture.stream(bare, "stdout", passthrough=True)
    stream.cover()
    stream.write("hello\n")

    assert bare.written == "hello\n"
    assert stage.messages() == ["hello"]


def test_pieces_of_a_line(stage):
    """Pieces are one line, when its end comes or the invocation is over."""
    print("a", end="", file=stage.stream)
    print("b", end="", file=stage.stream)
    assert stage.messages() == []
    print(file=stage.stream)
    stage.stream.writelines(["c\n", "d"])
    assert stage.messages() == ["ab", "c"]
    stage.capture.complete()
    assert stage.messages() == ["ab", "c", "d"]


def test_threads_do_not_mix(stage):
    """Pieces that two threads print are lines of their own."""
    print("main ", end="", file=stage.stream)
    other = threading.Thread(target=lambda: print("other", file=stage.stream))
    other.start()
    other.join()
    print("goes on", file=stage.stream)

    assert stage.messages() == ["other", "main goes on"]


def test_text_of_many_lines_is_one(stage):
    """What is written at once stays together, a traceback for example."""
    stage.stream.write("one\ntwo\r\n")

    assert stage.messages() == ["one\ntwo"]


@pytest.mark.parametrize("text", ["", "\n", "  \n", "\r\n"])
def test_blank_output_is_no_line(stage, text):
    """Empty lines are printed, not sent."""
    stage.stream.write(text)
    stage.capture.complete()

    assert stage.messages() == []
    assert stage.below.getvalue() == text


def test_endless_line(stage):
    """Output without a line end does not pile up."""
    for _ in range(3):
        stage.stream.write("x" * (MAX_PARTIAL // 2 + 1))

    assert [len(message) for message in stage.messages()] == [MAX_PARTIAL + 2]


def test_output_of_megabytes_is_split(stage):
    """What is longer than a record arrives in parts."""
    stage.stream.write("é" * 1_000_000 + "\n")

    assert "".join(stage.messages()) == "é" * 1_000_000


def test_passthrough_off():
    """Without passthrough output is sent and no longer printed, and says it was written."""
    stage = Stage(passthrough=False)

    assert stage.stream.write("hello\n") == 6
    assert stage.below.getvalue() == ""
    assert stage.messages() == ["hello"]


def test_stream_behaves_like_the_one_below(stage):
    """Everything but writing is the stream's own business."""
    stage.below.name = "<x>"

    assert stage.stream.name == "<x>"
    assert stage.stream.closed is False
    assert stage.stream.write("x") == 1
    stage.stream.flush()
    assert "CapturedStream of" in repr(stage.stream)
    with pytest.raises(AttributeError):
        stage.stream.no_such_thing  # noqa: B018
    with pytest.raises(TypeError):
        stage.stream.write(7)


def test_error_of_the_stream_below_is_the_writers(stage):
    """A stream that fails, fails for whoever writes, as without us."""
    stage.below.close()

    with pytest.raises(ValueError, match="closed file"):
        stage.stream.write("x")


def test_redact():
    """The redact hook sees output too."""
    stage = Stage()
    stage.sink.redact_with(lambda line: {**line, "message": line["message"].replace("4711", "*")})
    print("pin 4711", file=stage.stream)

    assert stage.messages() == ["pin *"]


@pytest.fixture
def echo():
    """A logger that is captured, with a handler that prints to a captured stream."""
    stage = Stage(level=logging.INFO)
    stage.loggers.hook()
    logger = logging.Logger("app")
    logger.addHandler(logging.StreamHandler(stage.stream))
    return stage, logger


@pytest.mark.parametrize("message", ["hello", "%s", '{"a": 1}', "\nleading", "é", "x" * 500, ""])
def test_echo_of_a_record_is_not_sent_twice(echo, message):
    """What a handler prints of a record that we send is printed and not sent again."""
    stage, logger = echo
    logger.warning(message)
    stage.capture.complete()

    assert stage.messages() == [message]
    assert stage.below.getvalue() == message + "\n"


def test_print_of_a_record_that_we_do_not_send(echo):
    """What is below our level but a handler prints is output like any other."""
    stage, logger = echo
    logger.debug("printed only")

    (line,) = stage.lines()
    assert (line["message"], line["logger"]) == ("printed only", "stdout")


def test_print_inside_of_a_handler_is_no_echo(echo):
    """A handler that prints something of its own is not taken for an echo."""
    stage, logger = echo

    class Alarm(logging.Handler):
        def emit(self, record):
            print("ALARM!", file=stage.stream)

    logger.addHandler(Alarm())
    logger.warning("disk full")

    print("and on", file=stage.stream)
    assert stage.messages() == ["ALARM!", "disk full", "and on"]


def test_runtime_error(stage):
    """An error that the runtime client reports keeps its type, message, stack and place."""
    trace = ['  File "/var/task/app.py", line 7, in handler\n    raise ValueError("x")\n']
    stage.capture.error("ValueError", "x", trace, "awslambdaric")

    (line,) = stage.lines()
    assert (line["message"], line["level"], line["logger"]) == (
        "ValueError: x",
        "ERROR",
        "awslambdaric",
    )
    assert (line["errorType"], line["errorMessage"]) == ("ValueError", "x")
    assert line["location"] == "/var/task/app.py:handler:7"
    assert line["stackTrace"] == [trace[0].rstrip()]


@pytest.mark.parametrize(
    ("trace", "place"),
    [
        ([], ""),
        (["garbage", "", "\n"], ""),
        (['File "a b.py", line 3, in f', "no frame"], "a b.py:f:3"),
        (['File "a.py", line 3, in f', 'File "b.py", line 4, in <module>'], "b.py:<module>:4"),
    ],
)
def test_location(trace, place):
    """The place of an error is its innermost frame; none is no error."""
    assert location_of(trace) == place


UNCAUGHT = """
    import sys, threading, json, io
    from support.stage import MemoryClient, own_body
    from firehose_logging import _bootstrap, Settings, flush
    client = MemoryClient()
    settings = Settings(stream_name="logs", journal=False, passthrough={passthrough})
    class Boto:
        def __init__(self, *args, **named): pass
        def send(self, records, timeout):
            from firehose_logging._delivery.outcome import CallOutcome
            client.put_record_batch(
                DeliveryStreamName="logs", Records=[{{"Data": r}} for r in records])
            return CallOutcome([None] * len(records))
        def close(self): pass
    import firehose_logging._firehose.choose as transport
    transport.make_transport = lambda *args: Boto()
    assert _bootstrap.install(settings)
    import atexit
    out = sys.__stdout__
    _bootstrap._process.streams.flush(0)
    _at_exit = _bootstrap._process.at_exit
    atexit.unregister(_at_exit)
    def at_exit():
        _at_exit()
        found = [json.loads(line) for data in client.records for line in data.splitlines()]
        out.write("\\n" + json.dumps(found))
    atexit.register(at_exit)
"""


def uncaught(code, *, passthrough=True):
    """The lines and stderr of a child that runs code with capture installed."""
    whole = textwrap.dedent(UNCAUGHT).format(passthrough=passthrough) + textwrap.dedent(code)
    ended = run_python(whole)
    return json.loads(ended.stdout.splitlines()[-1]), ended


def test_uncaught_error_of_the_program():
    """An error that nobody catches is one line; the traceback is printed and the status is 1."""
    lines, ended = uncaught("raise ValueError('x')")

    (line,) = lines
    assert (line["logger"], line["errorType"], line["errorMessage"]) == (
        "sys.excepthook",
        "ValueError",
        "x",
    )
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith("ValueError: x")


def test_uncaught_error_of_a_thread():
    """An error in a thread is one line too; SystemExit in a thread is none."""
    lines, ended = uncaught(
        """
        def fails():
            raise KeyError("k")
        def leaves():
            raise SystemExit(1)
        for target in (fails, leaves):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
        """
    )

    (line,) = lines
    assert (line["logger"], line["errorType"]) == ("threading.excepthook", "KeyError")
    assert "KeyError: 'k'" in ended.stderr
    assert ended.returncode == 0


def test_warnings():
    """A warning is one line with its own logger and level, and is printed as before."""
    lines, ended = uncaught("import warnings\nwarnings.warn('careful')")

    (line,) = lines
    assert (line["logger"], line["level"]) == ("py.warnings", "WARNING")
    assert "UserWarning: careful" in line["message"]
    assert "UserWarning: careful" in ended.stderr


def test_what_is_printed_at_exit():
    """Output of exit handlers, with or without a line end, is delivered."""
    lines, ended = uncaught(
        """
        atexit.register(lambda: print("bye", end=""))
        import logging
        logging.getLogger("app").warning("last words")
        sys.exit(4)
        """
    )

    assert sorted(line["message"] for line in lines) == ["bye", "last words"]
    assert ended.returncode == 4


def test_a_printed_object_is_a_line(stage):
    """What a logger prints as JSON has its own level, logger and message; the rest are extras."""
    stage.stream.write(
        '{"level": "warning", "event": "low", "logger": "shop", "left": 7, "seq": 1}\n'
    )
    stage.stream.write('{"level": "INFO", "message": {"a": 1}}\n')
    stage.stream.write('{"not": JSON}\n')

    low, made, text = stage.lines()
    assert (low["level"], low["logger"], low["message"]) == ("WARNING", "shop", "low")
    assert (low["left"], low["extra"]) == (7, {"seq": 1})
    assert (made["logger"], made["message"]) == ("stdout", {"a": 1})
    assert (text["logger"], text["message"]) == ("stdout", '{"not": JSON}')


def test_printed_metrics_are_columns(stage):
    """A line of embedded metrics stays whole, in columns of its own names."""
    metrics = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "shop"}]}, "sold": 3}
    stage.stream.write(json.dumps(metrics) + "\n")

    (line,) = stage.lines()
    assert {name: line[name] for name in metrics} == metrics
    assert (line["level"], line["logger"], "message" in line) == ("INFO", "stdout", False)


def test_a_large_printed_object_is_split(stage):
    """An object over the record limit arrives in parts that joined give the line."""
    stage.stream.write(json.dumps({"big": ["x" * 100] * 9_000}) + "\n")
    stage.stream.write(json.dumps({"big": "é" * 600_000}, ensure_ascii=False) + "\n")

    lines = stage.lines()
    whole = json.loads("".join(line["fragment"] for line in lines if "fragment" in line))
    assert len(lines[0]["big"]) == 9_000
    assert len(whole["big"]) == 600_000


METRICS = json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{}]}, "sold": 3})


def test_metrics_alone_pass():
    """With passthrough for metrics these are printed, line ends and all, and nothing else is."""
    stage = Stage(passthrough=False)
    stage.stream = stage.capture.stream(stage.below, "stdout", passthrough=False, metrics=True)

    print("before", file=stage.stream)
    print(METRICS, file=stage.stream)
    print('{"_aws": 1}', file=stage.stream)
    stage.stream.write(METRICS + "\n")
    print(file=stage.stream)
    print("after", file=stage.stream)

    assert stage.below.getvalue() == f"{METRICS}\n{METRICS}\n"
    assert len(stage.lines()) == 5


def test_metrics_that_are_kept_back_are_told(capfd):
    """Metrics that nobody will see are told, once, with the setting that lets them through."""
    _diagnostics.forget()
    stage = Stage(passthrough=False)

    for _ in range(2):
        print(METRICS, file=stage.stream)

    assert stage.below.getvalue() == ""
    assert capfd.readouterr().err.count("FIREHOSE_LOGGING_PASSTHROUGH=metrics") == 1
