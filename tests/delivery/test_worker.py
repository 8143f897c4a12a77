from __future__ import annotations

import threading

from firehose_logging import _threads
from firehose_logging._delivery.worker import Worker
from tools.waiting import wait_until


def test_started_once_and_woken():
    """A second start changes nothing while the thread runs; news that came early counts."""
    runs, leave = [], threading.Event()

    def run(_worker) -> None:
        runs.append(_threads.is_own())
        worker.wait(None)
        leave.wait(10)

    worker = Worker(run)
    assert not worker.alive
    worker.start()
    worker.start()
    worker.wake()
    assert worker.alive
    leave.set()
    worker.join(10)
    wait_until(lambda: not worker.alive)
    assert runs == [True]


def test_no_thread_to_be_had():
    """Then none runs, and nothing is raised."""

    def refuse(_name, _target):
        raise RuntimeError("can't start new thread")

    worker = Worker(lambda _: None, refuse)
    worker.start()

    assert not worker.alive
    worker.join(0)


def test_a_thread_without_a_handle_is_known():
    """An exception may come between the start of a thread and the note of it."""
    leave = threading.Event()

    def spawn(_name, target):
        threading.Thread(target=target).start()
        raise KeyboardInterrupt

    worker = Worker(lambda _: leave.wait(10) and None, spawn)
    try:
        worker.start()
    except KeyboardInterrupt:
        pass
    wait_until(lambda: worker.alive)
    leave.set()
    wait_until(lambda: not worker.alive)


def test_a_second_thread_does_nothing():
    """Two at once would share a connection."""
    leave, entered, runs = threading.Event(), threading.Event(), []

    def run(_worker) -> None:
        runs.append(1)
        entered.set()
        leave.wait(10)

    worker = Worker(run)
    worker.start()
    assert entered.wait(10)
    worker._work()
    leave.set()
    worker.join(10)
    assert runs == [1]


def test_only_a_thread_that_is_gone_is_replaced():
    """While one is at work another leaves at once; one that a snapshot's copy lost is followed."""
    runs, leave = [], threading.Event()

    def run(_worker) -> None:
        runs.append(threading.get_ident())
        leave.wait(10)

    worker = Worker(run)
    worker.start()
    wait_until(lambda: runs)
    worker._work()
    assert len(runs) == 1
    leave.set()
    wait_until(lambda: not worker.alive)

    # As a copy finds it: claimed by a thread of the process it was forked from.
    worker._claim.acquire()
    worker._at_work, worker._native = 1, 2**30
    worker._work()
    assert runs[1:] == [threading.get_ident()]
    assert not worker.alive
