from __future__ import annotations

import asyncio
import functools
import signal

import pytest

from firehose_logging._line.foreign import stand_in, text_of
from firehose_logging._line.json_text import dumps
from tools.strategies import Unprintable


class Leaves:
    """Raises an exception of anybody's when it is shown."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __str__(self) -> str:
        raise self.error

    __repr__ = __str__


@pytest.fixture
def on_alarm():
    """Sets a handler of SIGALRM for one test."""
    before = signal.getsignal(signal.SIGALRM)
    yield lambda handler: signal.signal(signal.SIGALRM, handler)
    signal.signal(signal.SIGALRM, before)


def test_text_of_anything():
    """A str that raises gives a stand-in that names the type."""
    assert text_of(1) == "1"
    assert text_of(Unprintable()) == stand_in(Unprintable()) == "<unprintable Unprintable object>"


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), SystemExit(1), GeneratorExit(), ValueError()]
)
def test_what_a_repr_raises_stays_here(error):
    """Nobody would have asked for the text without us, so nobody hears what asking raised."""
    assert dumps(Leaves(error)) == '"<unprintable Leaves object>"'
    assert dumps([{"a": Leaves(error)}]) == '[{"a":"<unprintable Leaves object>"}]'


def test_interrupts_pass():
    """Ctrl-C in the middle of our code ends the program."""
    with pytest.raises(KeyboardInterrupt):
        dumps([Leaves(KeyboardInterrupt())])


def test_exceptions_of_other_greenlets_pass():
    """A time-out that comes out of whatever call waits is not the repr's own."""
    kind = type("Timeout", (BaseException,), {"__module__": "gevent.timeout"})

    with pytest.raises(kind):
        dumps([Leaves(kind())])


class Rings:
    """Is shown while a signal comes."""

    def __str__(self) -> str:
        signal.raise_signal(signal.SIGALRM)
        return "rung"

    __repr__ = __str__


def leave(*_):
    """End the program, as a handler of signals may."""
    raise SystemExit(3)


class Bell:
    """A handler of signals that is an object."""

    def __call__(self, *_):
        raise SystemExit(3)

    def ring(self, *_):
        raise SystemExit(3)


@pytest.mark.parametrize("handler", [leave, functools.partial(leave), Bell(), Bell().ring])
def test_exceptions_of_signal_handlers_pass(on_alarm, handler):
    """What a handler of signals raises goes where it went without us, wherever it comes."""
    on_alarm(handler)

    with pytest.raises(SystemExit):
        dumps({"a": [Rings()]})
    with pytest.raises(SystemExit):
        text_of(Rings())


def test_a_handler_that_is_not_at_work_changes_nothing(on_alarm):
    """That there is a handler does not make every SystemExit its own."""
    on_alarm(leave)

    assert text_of(Leaves(SystemExit(1))) == "<unprintable Leaves object>"
