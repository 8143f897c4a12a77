"""Records, from when their logger hands them on until the last handler has seen them."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from firehose_logging import _threads
from support.captured import Stage


@pytest.fixture
def stage():
    """Loggers are hooked; what they hand on becomes lines."""
    stage = Stage()
    stage.loggers.hook()
    return stage


@pytest.fixture
def logger():
    """A logger that hands on to nobody."""
    return logging.Logger("app")


def handler_of(emit):
    """A handler that does this with a record."""

    class Handler(logging.Handler):
        def emit(self, record):
            emit(record)

    return Handler()


def test_a_record_is_one_line(stage, logger):
    """However many handlers there are, a record is one line when all have seen it."""
    seen = []
    for _ in range(2):
        logger.addHandler(handler_of(lambda record: seen.append(stage.messages())))
    logger.warning("hello %s", "you")

    assert seen == [[], []]
    assert stage.messages() == ["hello you"]


def test_what_handlers_change_is_not_in_the_line(stage, logger):
    """A handler that colours a level or takes an error off does so after us."""

    def change(record):
        record.levelno, record.levelname = 10, "\x1b[31mDEBUG"
        record.exc_info = None

    logger.addHandler(handler_of(change))
    try:
        raise KeyError("k")
    except KeyError:
        logger.exception("failed")

    (line,) = stage.lines()
    assert (line["level"], line["errorType"]) == ("ERROR", "KeyError")


def test_a_level_is_a_lower_bound(logger):
    """Records below the level are not taken."""
    stage = Stage(level=logging.WARNING)
    stage.loggers.hook()
    logger.addHandler(logging.NullHandler())
    logger.info("too low")
    logger.warning("taken")

    assert stage.messages() == ["taken"]


def test_the_same_record_within_itself(stage, logger):
    """A handler that hands its record on to another logger makes no second line."""
    logger.addHandler(handler_of(logging.Logger("other").handle))
    logger.warning("once")

    assert stage.messages() == ["once"]


def test_without_passthrough_the_runtimes_handler_is_kept_back(logger):
    """What is taken does not reach the runtime client's own handler; all others get it."""
    stage = Stage(passthrough=False)
    stage.loggers.hook()
    got = []
    theirs = handler_of(lambda record: got.append("theirs"))
    type(theirs).__module__ = "awslambdaric.bootstrap"
    logger.addHandler(theirs)
    logger.addHandler(handler_of(lambda record: got.append("another")))
    logger.warning("hello")

    assert got == ["another"]
    assert stage.messages() == ["hello"]


def test_without_any_handler_the_last_resort_speaks(stage, logger, monkeypatch):
    """A record that no handler gets goes to ``logging.lastResort``, as without us."""
    got = []
    last = handler_of(lambda record: got.append(record.getMessage()))
    last.setLevel("WARNING")
    monkeypatch.setattr(logging, "lastResort", last)
    logger.info("low")
    logger.warning("high")

    assert got == ["high"]
    assert stage.messages() == ["low", "high"]


def test_without_a_last_resort_it_is_told_once(stage, monkeypatch, capsys):
    """The message of logging itself, once, and nothing where errors are not to be raised."""
    monkeypatch.setattr(logging, "lastResort", None)
    logger = logging.Logger("app")
    logger.manager = logging.Manager(logging.RootLogger("WARNING"))
    logger.warning("one")
    logger.warning("two")

    assert capsys.readouterr().err == 'No handlers could be found for logger "app"\n'
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.warning("three")
    assert capsys.readouterr().err == ""


def test_who_was_there_before_us_runs(monkeypatch, logger):
    """Where a tracer has put a function of its own there, it is called, and the line is ours."""
    calls = []
    theirs = logging.Logger.callHandlers

    def call_handlers(self, record):
        calls.append(record.getMessage())
        theirs(self, record)

    monkeypatch.setattr(logging.Logger, "callHandlers", call_handlers)
    stage = Stage()
    stage.loggers.hook()
    logger.addHandler(logging.NullHandler())
    logger.warning("hello")

    assert calls == ["hello"]
    assert stage.messages() == ["hello"]


def test_a_record_is_delivered_at_the_end_whatever_holds_it(stage):
    """A record that a handler has not let go of at the end of an invocation is a line then."""
    record = logging.makeLogRecord({"msg": "held", "levelno": 30, "levelname": "WARNING"})
    held = stage.loggers.begin(record)
    stage.loggers.complete()
    assert stage.messages() == ["held"]
    stage.loggers.end(held)

    assert stage.messages() == ["held"]


def logger_without_stack(stage, monkeypatch):
    """A logger whose first record finds no stack left to be encoded with."""
    bodies, fails = stage.records.bodies, [True]

    def encode(handling):
        if fails.pop() if fails else False:
            raise RecursionError
        return bodies(handling)

    monkeypatch.setattr(stage.records, "bodies", encode)
    logger = logging.Logger("app")
    logger.addHandler(logging.NullHandler())
    return logger


def test_a_used_up_stack_costs_no_line(stage, monkeypatch):
    """A record that cannot be encoded for want of stack comes with the next."""
    logger = logger_without_stack(stage, monkeypatch)
    logger.warning("deep")
    assert stage.messages() == []
    logger.warning("next")

    assert stage.messages() == ["deep", "next"]


def test_a_record_that_waits_comes_at_the_end(stage, monkeypatch):
    """Where no record follows, the end of the invocation brings it."""
    logger = logger_without_stack(stage, monkeypatch)
    logger.warning("deep")
    stage.loggers.complete()

    assert stage.messages() == ["deep"]


def test_records_about_us_are_not_taken(stage):
    """What the SDK logs on a thread of ours would make the next delivery, and so on for ever."""
    logger = logging.Logger("botocore.endpoint")
    logger.addHandler(logging.NullHandler())
    done = threading.Event()

    def call():
        logger.warning("sending")
        done.set()

    _threads.spawn("test", call)
    assert done.wait(30)
    logger.warning("the function's own call")

    assert stage.messages() == ["the function's own call"]


@pytest.mark.parametrize(
    ("message", "args", "printed", "shows"),
    [
        ("hello", (), "12:00 hello\n", True),
        ("hello", (), "something else\n", False),
        ("sold %s to %s", ("a", "b"), "sold a to b\n", True),
        ("", (), "anything\n", False),
        ("%s", ("x",), "x\n", False),
        ("two words", (), '{"message": "two words", "level": "INFO"}\n', True),
        ({"a": 1}, (), "{'a': 1}\n", False),
    ],
)
def test_what_shows_a_record(message, args, printed, shows):
    """A text shows a record when it has the words of its message, however it is wrapped."""
    record = logging.makeLogRecord({"msg": message, "args": args, "levelno": 20})

    assert Stage().loggers.begin(record).is_in(printed) is shows


def test_a_formatted_message_is_looked_for_as_it_is():
    """Where a formatter has left the message on the record, its words count."""
    given = {"msg": "%d sold", "args": (3,), "message": "3 sold", "levelno": 20}
    held = Stage().loggers.begin(logging.makeLogRecord(given))

    assert held.is_in("INFO 3 sold\n")
    assert not held.is_in("INFO 4 sold\n")


def test_a_record_of_another_process_was_not_taken_here():
    """A record that a child process sent through a queue is no line of ours yet."""
    loggers = Stage().loggers
    record = logging.makeLogRecord({"levelno": 30})

    assert record.process == os.getpid()
    assert loggers.was_taken(record)
    record.process += 1
    assert not loggers.was_taken(record)
    assert not loggers.was_taken("no record")


def test_hooked_once(monkeypatch):
    """Hooking again changes nothing, unless ``logging`` was loaded anew."""
    stage = Stage()
    stage.loggers.hook()
    ours = logging.Logger.callHandlers
    stage.loggers.hook()
    assert logging.Logger.callHandlers is ours
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda self, record: None)
    stage.loggers.hook()

    assert logging.Logger.callHandlers is not ours


def test_a_record_that_never_gets_its_stack_is_salvaged(stage, monkeypatch):
    """After a few tries what can be told of it is told, and nothing waits for ever."""

    def encode(handling):
        raise RecursionError

    monkeypatch.setattr(stage.records, "bodies", encode)
    logger = logging.Logger("app")
    logger.addHandler(logging.NullHandler())
    logger.warning("too deep")
    for _ in range(20):
        stage.loggers.complete()

    assert stage.messages() == ["too deep"]
    assert not stage.loggers.open


def test_an_error_of_the_message_itself_costs_the_message(stage):
    """A message whose text raises is salvaged; an exit that it asks for comes out."""

    class Odd:
        def __init__(self, error):
            self.error = error

        def __str__(self):
            raise self.error

    logger = logging.Logger("app")
    logger.addHandler(logging.NullHandler())
    logger.warning(Odd(ValueError("no text")))
    with pytest.raises(SystemExit):
        logger.warning(Odd(SystemExit(3)))
    logger.warning("next")

    assert stage.messages()[-1] == "next"
    assert not stage.loggers.open


def test_an_exception_of_the_functions_own_costs_no_record(stage, logger, monkeypatch):
    """What breaks into the hand-over comes out of the log call; the record comes with the next."""
    add, fails = stage.delivery.add, [True]

    def interrupted(body):
        if fails.pop() if fails else False:
            raise TimeoutError
        add(body)

    monkeypatch.setattr(stage.delivery, "add", interrupted)
    logger.addHandler(logging.NullHandler())
    with pytest.raises(TimeoutError):
        logger.warning("interrupted")
    assert stage.messages() == []
    logger.warning("next")

    assert stage.messages() == ["interrupted", "next"]
    assert not stage.loggers.open


def test_a_record_that_another_thread_sends_now_is_sent_once(stage):
    """Two that complete at once make one line of it."""
    record = logging.makeLogRecord({"msg": "held", "levelno": 30, "levelname": "WARNING"})
    held = stage.loggers.begin(record)
    held.is_sent = True  # by the other thread, which is in the middle of it
    stage.loggers.complete()
    assert stage.messages() == []
    held.is_sent = False
    stage.loggers.complete()

    assert stage.messages() == ["held"]


def test_a_record_that_is_not_taken_is_forgotten_at_the_end():
    """What a handler has not let go of leaves no trace."""
    stage = Stage(level=logging.WARNING)
    record = logging.makeLogRecord({"msg": "low", "levelno": 10})
    stage.loggers.begin(record)
    assert stage.loggers.open
    stage.loggers.complete()

    assert not stage.loggers.open
    assert stage.messages() == []
