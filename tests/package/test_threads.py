from __future__ import annotations

import logging
import threading

import pytest

from firehose_logging import _threads
from firehose_logging._threads import Reserved
from tools.waiting import wait_until


def test_a_thread_of_ours_is_known_while_it_runs():
    """On a thread of ours ``is_own`` is true, and the SDK's loggers are about us there."""
    seen = []

    def look() -> None:
        seen.append((_threads.is_own(), _threads.is_about_us("botocore.hooks")))

    thread = _threads.spawn("test", look)
    thread.join(10)

    assert seen == [(True, True)]
    assert not _threads.is_own()
    assert not _threads.is_about_us("botocore.hooks")
    assert thread.ident not in _threads.own


def test_a_reserved_thread_runs_what_it_is_given():
    """It waits until then, and runs it once."""
    ran = threading.Event()
    reserved = Reserved("test")
    assert not ran.is_set()
    reserved.run(ran.set)

    assert ran.wait(10)


def test_a_cancelled_thread_ends():
    """A thread that is not needed after all goes away."""
    reserved = Reserved("cancelled")
    name = "firehose_logging.cancelled"
    assert name in {thread.name for thread in threading.enumerate()}
    reserved.cancel()

    wait_until(lambda: name not in {thread.name for thread in threading.enumerate()})


def test_no_thread_is_left(monkeypatch):
    """Where the system gives none, whoever reserves one is told at once."""

    def none_left(self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)

    with pytest.raises(RuntimeError, match="can't start new thread"):
        Reserved("test")


def test_a_thread_that_calls_firehose_says_nothing_of_it():
    """While a thread is in a call, whatever is logged on it is about our deliveries."""
    ident = threading.get_ident()
    _threads.calling.add(ident)
    try:
        assert _threads.is_calling()
        assert _threads.is_about_us(logging.getLogger("anything").name)
    finally:
        _threads.calling.discard(ident)
