"""What SIGTERM's handler does and leaves alone, in this process; ``test_shutdown`` has the ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import types

import pytest

from firehose_logging import _shutdown


@pytest.fixture(autouse=True)
def signals():
    """SIGTERM and the wake-up descriptor are put back as they were."""
    before = signal.getsignal(signal.SIGTERM)
    descriptor = signal.set_wakeup_fd(-1)
    yield
    _shutdown.unwatch()
    signal.signal(signal.SIGTERM, before)
    signal.set_wakeup_fd(descriptor)


@pytest.fixture
def wake():
    """A pipe as the companion's inbox has it: the end to write to, and what came out."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)

    def came() -> bytes:
        found = b""
        while select.select([reads], [], [], 0)[0]:
            found += os.read(reads, 4096)
        return found

    yield types.SimpleNamespace(fileno=writes, came=came)
    os.close(reads)
    os.close(writes)


@pytest.fixture
def ends(monkeypatch):
    """Has the end of the process noted, not made."""
    seen = []
    monkeypatch.setattr(_shutdown.os, "_exit", seen.append)
    monkeypatch.setattr(_shutdown.os, "kill", lambda pid, number: seen.append(number))
    return seen


def test_the_signal_wakes_the_companion(wake):
    """Its number is on the descriptor, whether Python's handler or the interpreter's wrote it."""
    assert _shutdown.watch_sigterm(wake.fileno)
    signal.raise_signal(signal.SIGTERM)

    assert set(wake.came()) == {signal.SIGTERM}
    assert _shutdown.sigterm_is_ours()


def test_a_full_pipe_is_awake(wake):
    """Where the descriptor takes no more, nothing is raised into the function."""
    _shutdown.watch_sigterm(wake.fileno)
    signal.set_wakeup_fd(-1)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(wake.fileno, b"x" * 4096)
    signal.raise_signal(signal.SIGTERM)


def test_a_handler_from_before_runs(wake):
    """The function's own handler gets the signal, and the process is not ours to end."""
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    _shutdown.watch_sigterm(wake.fileno)
    signal.raise_signal(signal.SIGTERM)

    assert seen == [signal.SIGTERM]
    assert not _shutdown.sigterm_is_ours()


def test_the_end_is_made_where_nobody_handles_it(wake, ends):
    """The process ends as by the signal; with a handler of the function's own it does not."""
    _shutdown.watch_sigterm(wake.fileno)
    _shutdown.end_process()
    assert ends == [128 + signal.SIGTERM]
    signal.signal(signal.SIGTERM, lambda *_: None)
    _shutdown.end_process()

    assert len(ends) == 1


def test_only_the_main_thread_may_watch(wake):
    """Signals are the main thread's: on another one nothing is changed."""
    before = signal.getsignal(signal.SIGTERM)
    found = []

    def watch():
        found.extend(
            [
                _shutdown.watch_sigterm(wake.fileno),
                _shutdown.watch_again(),
                _shutdown.call_at_sigterm(lambda ends: True),
            ]
        )

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()

    assert found == [False, False, False]
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_ones_descriptor_stays(wake):
    """An event loop lives by its wake-up descriptor: it keeps it, and the handler wakes us."""
    other = os.pipe()
    os.set_blocking(other[1], False)
    try:
        signal.set_wakeup_fd(other[1])
        assert not _shutdown.watch_sigterm(wake.fileno)
        signal.raise_signal(signal.SIGTERM)

        assert wake.came() == bytes([signal.SIGTERM])
        assert signal.set_wakeup_fd(-1) == other[1]
    finally:
        signal.set_wakeup_fd(-1)
        for fileno in other:
            os.close(fileno)


def test_what_a_loop_has_taken_is_taken_back(wake):
    """A closed event loop leaves SIGTERM at its default and no descriptor."""
    _shutdown.watch_sigterm(wake.fileno)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)

    assert _shutdown.watch_again()
    assert _shutdown.sigterm_is_ours()
    assert signal.set_wakeup_fd(-1) == wake.fileno


def test_trio_finds_the_descriptor_free(wake, monkeypatch):
    """Who asks its user to report a bug where one is set finds none while the function runs."""
    _shutdown.watch_sigterm(wake.fileno)
    _shutdown.function_begins()
    assert signal.set_wakeup_fd(wake.fileno, warn_on_full_buffer=False) == wake.fileno
    monkeypatch.setitem(sys.modules, "trio", types.ModuleType("trio"))
    _shutdown.function_begins()

    assert signal.set_wakeup_fd(-1) == -1


def test_unwatched(wake):
    """Afterwards the signal does what it did before, and the descriptor is none of ours."""
    seen = []

    def handler(number, frame):
        seen.append(number)

    signal.signal(signal.SIGTERM, handler)
    _shutdown.watch_sigterm(wake.fileno)
    _shutdown.unwatch()
    signal.raise_signal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) is handler
    assert seen == [signal.SIGTERM]
    assert wake.came() == b""


def test_another_ones_descriptor_outlives_us(wake):
    """Who has set another descriptor since keeps it when we let go."""
    _shutdown.watch_sigterm(wake.fileno)
    other = os.pipe()
    os.set_blocking(other[1], False)
    try:
        signal.set_wakeup_fd(other[1])
        _shutdown.unwatch()

        assert signal.set_wakeup_fd(-1) == other[1]
    finally:
        signal.set_wakeup_fd(-1)
        for fileno in other:
            os.close(fileno)


def test_outside_of_lambda_the_delivery_comes_first(ends):
    """What is pending is delivered, then the process ends by the signal."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    told = []
    assert _shutdown.call_at_sigterm(lambda *, ends: told.append(ends) or True)
    signal.raise_signal(signal.SIGTERM)

    assert told == [True]
    assert ends == [signal.SIGTERM]
    # The kernel spares the first process of a container: the next signal is seen, too.
    signal.raise_signal(signal.SIGTERM)
    assert told == [True, True]


def test_outside_of_lambda_a_handler_follows(ends):
    """A program that handles the signal gets it after the delivery, and lives on."""
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append("theirs"))
    _shutdown.call_at_sigterm(lambda *, ends: seen.append(ends) or True)
    signal.raise_signal(signal.SIGTERM)

    assert seen == [False, "theirs"]
    assert ends == []


def test_a_signal_that_comes_again(ends):
    """Where the delivery has to wait for this very thread, nothing follows yet."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _shutdown.call_at_sigterm(lambda *, ends: False)
    signal.raise_signal(signal.SIGTERM)

    assert ends == []


def test_an_ignored_signal_stays_ignored():
    """Who has asked for SIGTERM to be ignored means it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    assert not _shutdown.call_at_sigterm(lambda *, ends: True)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
