from __future__ import annotations

import logging
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from firehose_logging import _threads


def listed() -> int:
    """How many threads a function would see."""
    return len(threading.enumerate())


def test_a_thread_of_ours_is_known_while_it_runs():
    """On a thread of ours ``is_own`` is true, and the SDK's loggers are about us there."""
    seen = []

    def look() -> None:
        seen.append((_threads.is_own(), _threads.is_about_us("botocore.hooks")))

    thread = _threads.spawn("test", look)
    thread.join(10)

    assert seen == [(True, True)]
    assert not thread.is_alive()
    assert not _threads.is_own()
    assert not _threads.is_about_us("botocore.hooks")


def test_a_function_does_not_see_it():
    """It is in no list of threads, so nobody joins or counts it, whatever is logged on it."""
    before = listed()
    go, logged = threading.Event(), threading.Event()

    def work() -> None:
        name = threading.current_thread().name  # as each log record does
        _threads.is_about_us(name)
        logged.set()
        go.wait(10)

    thread = _threads.spawn("test", work)
    assert logged.wait(10)
    assert thread.is_alive()
    assert listed() == before
    go.set()
    thread.join(10)
    assert not thread.is_alive()


def test_joining_has_a_limit():
    """A thread that does not end is waited for as long as was asked, and no longer."""
    go = threading.Event()
    thread = _threads.spawn("test", lambda: go.wait(10))
    thread.join(0.01)

    assert thread.is_alive()
    go.set()
    thread.join()
    assert not thread.is_alive()


def test_a_child_has_none_of_its_parents_threads(monkeypatch):
    """After a fork the handle says so, though its lock is as it was."""
    monkeypatch.setattr(_threads, "own", set())
    go = threading.Event()
    thread = _threads.spawn("test", lambda: go.wait(10))
    _threads.forget()

    assert not thread.is_alive()
    thread.join()
    go.set()


@pytest.mark.parametrize("when", ["while", "after"])
def test_a_thread_that_begins_while_threads_are_counted_is_taken_off_once(monkeypatch, when):
    """It gets its number after a first look at who is starting, and the count is without it."""
    mine = threading.get_native_id()
    began: list[int] = []
    there, go, known, end = (threading.Event() for _ in range(4))

    def number() -> int:
        began.append(threading.get_native_id())
        there.set()
        go.wait(10)
        return began[0]

    def work() -> None:
        known.set()
        end.wait(10)

    def tasks(folder: str) -> list[str]:
        assert folder == "/proc/self/task"
        if when == "while":
            go.set()
            assert known.wait(10)
        return [str(mine), str(began[0])]  # what other tests have left is not counted

    monkeypatch.setattr(_threads, "native_ids", set())
    monkeypatch.setattr(_threads, "starting", set())
    monkeypatch.setattr(_threads, "get_native_id", number)
    monkeypatch.setattr(_threads, "os", SimpleNamespace(listdir=tasks))
    thread = _threads.spawn("test", work)
    assert there.wait(10)
    counted = _threads.others()
    go.set()
    end.set()
    thread.join(10)

    assert counted == 1


def test_no_thread_is_left(monkeypatch):
    """Where the system gives none, whoever wants one is told at once."""

    def none_left(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "start_new_thread", none_left)

    with pytest.raises(RuntimeError, match="can't start new thread"):
        _threads.spawn("test", lambda: None)


def test_a_thread_that_calls_firehose_says_nothing_of_it():
    """While a thread is in a call, whatever is logged on it is about our deliveries."""
    ident = threading.get_ident()
    _threads.calling.add(ident)
    try:
        assert _threads.is_about_us(logging.getLogger("anything").name)
    finally:
        _threads.calling.discard(ident)


def test_the_end_of_the_interpreter_is_known():
    """Before finalizers run, and not before: when threads are waited for."""
    program = (
        "import atexit, sys\n"
        "from firehose_logging import _threads\n"
        "atexit.register(lambda: sys.stdout.write(repr(_threads.is_ending())))\n"
        "sys.stdout.write(repr(_threads.is_ending()) + ' ')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "False True"
