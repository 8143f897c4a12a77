"""The loop over handlers that takes the place of logging's: it calls whom logging's would.

In a process its code bears logging's file name, so that nobody who counts frames or prints stacks
sees us. Here it runs under its own, and beside logging's on the same loggers.
"""

from __future__ import annotations

import logging
from types import CodeType

import pytest

from firehose_logging import _threads
from firehose_logging._capture import handling
from support.captured import Stage

LOGGING_S_OWN = logging.Logger.callHandlers


def own_code() -> CodeType:
    """The code of our loop as it was compiled."""
    constants = handling._call_handlers.__code__.co_consts
    (code,) = (
        found
        for found in constants
        if isinstance(found, CodeType) and found.co_name == "callHandlers"
    )
    return code


@pytest.fixture
def stage_of(monkeypatch):
    """Makes a stage whose loop runs under its own file name."""
    monkeypatch.setattr(logging.Logger, "callHandlers", LOGGING_S_OWN)

    def make(**arguments) -> Stage:
        stage = Stage(**arguments)
        stage.loggers.hook()
        logging.Logger.callHandlers.__code__ = own_code()
        return stage

    return make


class Family:
    """A logger, its parent and its grandparent; each has handlers that note what they get."""

    def __init__(self, *, levels: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.got: list[tuple[str, str]] = []
        self.logger = logging.Logger("a.b.c")
        self.parent = logging.Logger("a.b")
        self.grandparent = logging.Logger("a")
        self.logger.parent, self.parent.parent = self.parent, self.grandparent
        for logger, level in zip((self.logger, self.parent, self.grandparent), levels, strict=True):
            logger.addHandler(self.handler(logger.name, level))

    def handler(self, name: str, level: int = 0, module: str = __name__) -> logging.Handler:
        """A handler that notes its name and what it gets."""
        got = self.got

        class Handler(logging.Handler):
            def emit(self, record):
                got.append((name, record.getMessage()))

        Handler.__module__ = module
        return Handler(level)


def by_logging(family: Family, monkeypatch, level: int = logging.WARNING) -> list[tuple[str, str]]:
    """What handlers get where logging's own loop runs."""
    with monkeypatch.context() as patch:
        patch.setattr(logging.Logger, "callHandlers", LOGGING_S_OWN)
        family.logger.log(level, "hello")
    got = list(family.got)
    family.got.clear()
    return got


def test_the_code_bears_the_name_of_loggings_file():
    """In a process a frame of ours looks like the one that it takes the place of."""
    stage = Stage()
    ours = handling._call_handlers(stage.loggers, LOGGING_S_OWN).__code__

    assert own_code().co_filename == handling.__file__
    assert ours.co_filename == LOGGING_S_OWN.__code__.co_filename
    assert ours.co_firstlineno == LOGGING_S_OWN.__code__.co_firstlineno
    assert ours.co_name == LOGGING_S_OWN.__code__.co_name


@pytest.mark.parametrize("levels", [(0, 0, 0), (40, 0, 30), (0, 50, 0)])
@pytest.mark.parametrize("stops_at", ["logger", "parent", "grandparent"])
def test_the_same_handlers_are_called(stage_of, monkeypatch, levels, stops_at):
    """Up to where a logger does not propagate, each whose level is not above the record's."""
    family = Family(levels=levels)
    getattr(family, stops_at).propagate = False
    expected = by_logging(family, monkeypatch)
    stage = stage_of()
    family.logger.warning("hello")

    assert family.got == expected
    assert stage.messages() == ["hello"]


def test_the_runtimes_handlers_alone_are_kept_back(stage_of):
    """Without passthrough they get what is not taken, and nothing that is."""
    family = Family()
    family.parent.addHandler(family.handler("theirs", module="awslambdaric.bootstrap"))
    stage = stage_of(passthrough=False, level=logging.WARNING)
    family.logger.info("low")
    family.logger.warning("taken")

    assert [message for name, message in family.got if name == "theirs"] == ["low"]
    assert [name for name, message in family.got if message == "taken"] == ["a.b.c", "a.b", "a"]
    assert stage.messages() == ["taken"]


def test_who_is_between_us_and_ourselves_changes_nothing(stage_of, monkeypatch):
    """A record that was taken further out is one line, and is kept back from the same handlers."""
    family = Family()
    family.logger.addHandler(family.handler("theirs", module="awslambdaric.bootstrap"))
    stage = stage_of(passthrough=False)
    inner = logging.Logger.callHandlers

    def between(self, record):
        inner(self, record)

    monkeypatch.setattr(logging.Logger, "callHandlers", between)
    stage.loggers.hook()
    family.logger.warning("hello")

    assert [name for name, _ in family.got] == ["a.b.c", "a.b", "a"]
    assert stage.messages() == ["hello"]


def test_what_a_handler_raises_comes_out_and_costs_no_line(stage_of):
    """Handlers after it get nothing, as without us; the record is a line."""
    family = Family()

    def leave(record):
        raise SystemExit(3)

    family.parent.handlers[0].emit = leave
    stage = stage_of()
    with pytest.raises(SystemExit):
        family.logger.warning("leaving")

    assert family.got == [("a.b.c", "leaving")]
    assert stage.messages() == ["leaving"]
    assert not stage.loggers.open


def test_without_any_handler_it_is_the_last_resorts(stage_of, monkeypatch):
    """Only then: one handler anywhere up the family is enough to keep it silent."""
    family = Family()
    last = family.handler("last resort", logging.WARNING)
    monkeypatch.setattr(logging, "lastResort", last)
    stage = stage_of()
    family.logger.warning("one")
    for logger in (family.logger, family.parent, family.grandparent):
        logger.handlers.clear()
    family.logger.warning("two")

    assert [name for name, message in family.got if message == "one"] == ["a.b.c", "a.b", "a"]
    assert [name for name, message in family.got if message == "two"] == ["last resort"]
    assert stage.messages() == ["one", "two"]


def test_what_the_sdk_logs_on_our_thread_is_handled_and_no_line(stage_of):
    """Its handlers are the function's business; a line of it would never end."""
    family = Family()
    family.logger.name = "botocore.endpoint"
    stage = stage_of()
    _threads.spawn("test", lambda: family.logger.warning("sending")).join(30)

    assert [name for name, _ in family.got] == ["a.b.c", "a.b", "a"]
    assert stage.messages() == []
