"""The extension's thread while it rests: real API, real pipes; companions are stand-ins."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from firehose_logging._clock import SystemClock
from firehose_logging._extension import extension as _extension
from firehose_logging._extension.extension import Connection, Extension
from firehose_logging._extension.inbox import ENDED, Inbox
from firehose_logging._extension.lambda_api import LambdaApi
from firehose_logging._extension.subscription import open_port
from support.extensions_api import ExtensionsApi
from tools.waiting import wait_until


class StandIn:
    """A companion that does nothing until it is stopped."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._stopped = threading.Event()
        self.was_closed = False

    def run(self) -> None:
        self._stopped.wait(30)
        self.close()

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.was_closed = True
        self._inbox.close()


class Stage:
    """An extension on a thread of its own, whose API is asked for an event already."""

    def __init__(self, api: ExtensionsApi) -> None:
        self.api = LambdaApi(api.address)
        self.api.register("our-name", ["INVOKE"])
        self.api.ask_next()
        self.inbox = Inbox()
        self.server = open_port(0)
        self.connection: Connection | None = Connection(self.api, self.server, asking=True)
        self.made: list[StandIn] = []
        self.failures: list[Exception] = []
        self.extension: Extension | None = None
        self.thread: threading.Thread | None = None

    def start(self, *, hooked: bool = True, rests: bool = True) -> Extension:
        self.extension = Extension(
            self.connect, self.make, self.inbox, SystemClock(), hooked=hooked, rests=rests
        )
        self.thread = threading.Thread(target=self.extension.run, daemon=True)
        self.thread.start()
        return self.extension

    def connect(self) -> Connection | None:
        return self.connection

    def make(self, inbox: Inbox, connection: Connection) -> StandIn:
        assert (inbox, connection) == (self.inbox, self.connection)
        if self.failures:
            raise self.failures.pop()
        self.made.append(StandIn(self.inbox))
        return self.made[-1]

    def close(self) -> None:
        if self.extension is not None and self.thread is not None:
            self.extension.stop()
            self.thread.join(30)
            assert not self.thread.is_alive()
        self.api.close()
        self.server.close()
        self.inbox.close()


@pytest.fixture
def api():
    """An API that takes everything."""
    api = ExtensionsApi()
    yield api
    api.close()


@pytest.fixture
def stage(api):
    """What an extension is made of."""
    stage = Stage(api)
    yield stage
    stage.close()


def test_the_end_of_the_first_handler_ends_the_rest(stage):
    """Nothing is made before it; afterwards the news is still there, for the companion."""
    extension = stage.start()
    extension.hooked()
    extension.wake()
    assert stage.made == []

    extension.handler_ended("a")
    wait_until(lambda: stage.made, what="the companion")
    assert [kind for kind, _ in stage.inbox.take()][-1] == ENDED


def test_sigterm_ends_the_rest(stage):
    """Its number on the wake-up descriptor does, and it is still there to be read."""
    extension = stage.start()
    os.write(extension.wake_fileno, bytes([signal.SIGTERM]))

    wait_until(lambda: stage.made, what="the companion")
    assert stage.inbox.read_signals()


def test_an_event_ends_the_rest_where_nothing_else_tells_of_invocations(stage, api):
    """Without a hook the event is what names the invocation: it is read at once."""
    stage.start(hooked=False)
    api.invoke("a", (time.time() + 60) * 1000)

    wait_until(lambda: stage.made, what="the companion")
    assert wait_until(stage.api.read_next, what="the event")["requestId"] == "a"


def test_a_handler_that_runs_on_ends_the_rest_too(stage, api):
    """A while after the event something may be due, whether the handler has ended or not."""
    stage.start(hooked=True)
    api.invoke("a", (time.time() + 60) * 1000)

    wait_until(lambda: stage.made, what="the companion")


def test_a_long_init_ends_the_rest(stage):
    """Without any event the companion is there after a second: telemetry waits for an answer."""
    stage.start(hooked=True)

    wait_until(lambda: stage.made, what="the companion")


def test_no_rest_where_it_is_needed_at_once(stage):
    """Who has something to do from the start does not rest."""
    stage.start(rests=False)

    wait_until(lambda: stage.made, what="the companion")


def test_a_companion_that_cannot_be_made_keeps_nobody_waiting(stage, api, capfd):
    """Events are answered all the same, it is told once, and tried again."""
    stage.failures = [MemoryError("none left"), MemoryError("none left")]
    stage.start(rests=False)
    api.invoke("a", (time.time() + 60) * 1000)
    api.wait_asked(2)

    wait_until(lambda: stage.made, what="the companion")
    told = capfd.readouterr().err
    assert told.count("the extension cannot begin, it tries on: MemoryError: none left") == 1


def test_between_two_tries_it_waits(stage, monkeypatch):
    """Also after a handler's end, which ended the rest before: it takes no processor."""
    looks: list[None] = []
    monkeypatch.setattr(stage.api, "read_next", lambda: looks.append(None))
    stage.failures = [MemoryError("none left")]
    stage.start().handler_ended("a")

    wait_until(lambda: stage.made, what="the companion")
    assert 1 <= len(looks) <= 1 + _extension.LONGEST_REST / _extension.LOOK_EVERY


@pytest.mark.parametrize("news", ["handler's end", "SIGTERM"])
def test_it_is_tried_again_when_it_matters(stage, monkeypatch, news):
    """A handler may have freed what was lacking, and at SIGTERM nobody else delivers."""
    monkeypatch.setattr(_extension, "LONGEST_REST", 60.0)
    stage.failures = [MemoryError("none left"), MemoryError("none left")]
    extension = stage.start(rests=False)
    wait_until(lambda: len(stage.failures) == 1, what="the first try")
    if news == "SIGTERM":
        os.write(extension.wake_fileno, bytes([signal.SIGTERM]))
    for _ in range(2):
        left = len(stage.failures)
        if news == "handler's end":
            extension.handler_ended("a")
        wait_until(lambda left=left: stage.made or len(stage.failures) < left, what="a try")

    wait_until(lambda: stage.made, what="the companion")
    assert news != "SIGTERM" or stage.inbox.read_signals()


def test_what_was_asked_meanwhile_is_not_asked_again(stage, api):
    """Nobody asks twice at a time: the connection knows whether an answer is to come."""
    stage.connection.asking = False
    stage.api.close()
    stage.failures = [MemoryError("none left")]
    stage.start(rests=False)

    wait_until(lambda: stage.made, what="the companion")
    assert stage.connection.asking


def test_stopped_while_it_rests(stage):
    """The thread ends, nothing is made, and every descriptor is closed."""
    extension = stage.start()
    extension.stop()
    stage.thread.join(30)

    assert not stage.thread.is_alive()
    assert (stage.made, extension.wake_fileno) == ([], -1)
    assert (stage.api.fileno(), stage.server.fileno()) == (-1, -1)


def test_stopped_afterwards(stage):
    """The companion is stopped, and closes what it was given."""
    extension = stage.start(rests=False)
    wait_until(lambda: extension._companion, what="the companion")
    extension.stop()
    stage.thread.join(30)

    assert stage.made[0].was_closed
    assert extension.wake_fileno == -1


def test_a_forked_child_lets_go_of_everything(stage):
    """The thread is not there: what it would have closed is closed at once."""
    extension = stage.start()
    assert extension.is_registered()
    extension.after_fork()
    stage.thread.join(30)

    assert extension.wake_fileno == -1
    assert (stage.api.fileno(), stage.server.fileno()) == (-1, -1)


def test_refused(stage):
    """Who waits for the answer gets it, whoever follows is told, and the thread ends."""
    stage.connection, told = None, []
    extension = Extension(
        stage.connect, stage.make, stage.inbox, SystemClock(), refused=lambda: told.append(True)
    )
    thread = threading.Thread(target=extension.run, daemon=True)
    thread.start()

    assert not extension.is_registered()
    thread.join(30)
    assert not thread.is_alive()
    assert (stage.made, told) == ([], [True])
    assert extension.wake_fileno >= 0
    extension.close()
    assert extension.wake_fileno == -1


def test_a_defect_in_registration_is_a_refusal(stage, capfd):
    """Nothing is raised on a thread that nobody looks at; it is told."""

    def fail() -> None:
        raise RuntimeError("broken on purpose")

    extension = Extension(fail, stage.make, stage.inbox, SystemClock())
    extension.run()

    assert not extension.is_registered()
    assert "extension: RuntimeError: broken on purpose" in capfd.readouterr().err


def test_the_thread_may_begin_anew(stage):
    """As in a copy of a snapshot, whose threads start from the top: it registers once."""
    extension = stage.start(rests=False)
    wait_until(lambda: extension._companion, what="the companion")
    stage.connection = None
    extension.stop()
    wait_until(lambda: extension.wake_fileno < 0, what="the end of the first")
    again = threading.Thread(target=extension.run, daemon=True)
    again.start()
    again.join(30)

    assert not again.is_alive()
    assert extension.is_registered()
    assert len(stage.made) == 1


def test_no_answer_yet(stage, monkeypatch):
    """Who has waited long enough goes on, and so does the thread: it may be taken in the end."""
    go = threading.Event()

    def connect() -> Connection | None:
        go.wait(30)
        return stage.connection

    monkeypatch.setattr(_extension, "LONGEST_START", 0.01)
    stage.extension = Extension(connect, stage.make, stage.inbox, SystemClock())
    stage.thread = threading.Thread(target=stage.extension.run, daemon=True)
    stage.thread.start()

    assert stage.extension.is_registered()
    go.set()
    wait_until(lambda: stage.made, what="the companion")


def test_closed_while_it_registers(stage):
    """The thread ends, and makes nothing."""
    go = threading.Event()

    def connect() -> Connection | None:
        go.wait(30)
        return stage.connection

    extension = Extension(connect, stage.make, stage.inbox, SystemClock(), rests=True)
    thread = threading.Thread(target=extension.run, daemon=True)
    thread.start()
    extension.close()
    go.set()
    thread.join(30)

    assert not thread.is_alive()
    assert stage.made == []
