from __future__ import annotations

import os
import select
import signal
import threading

import pytest

from firehose_logging._extension.inbox import ENDED, HOOKED, Inbox


@pytest.fixture
def inbox():
    """An inbox that is closed at the end."""
    inbox = Inbox()
    yield inbox
    inbox.close()


def readable(inbox: Inbox) -> bool:
    """Whether the reader would wake."""
    return bool(select.select([inbox.fileno()], [], [], 0)[0])


def test_news_comes_in_order_and_once(inbox):
    """What is posted wakes the reader, and is given in the order in which it came, once."""
    assert not readable(inbox)
    inbox.post(HOOKED)
    inbox.post(ENDED, "a")
    inbox.post(ENDED)

    assert readable(inbox)
    assert not inbox.read_signals()
    assert inbox.take() == [(HOOKED, None), (ENDED, "a"), (ENDED, None)]
    assert inbox.take() == []
    assert not readable(inbox)


def test_a_signals_number_is_told_from_a_wake(inbox):
    """Only SIGTERM's number, as the interpreter writes it, is SIGTERM."""
    os.write(inbox.wake_fileno, bytes([signal.SIGUSR1]))
    inbox.wake()
    assert not inbox.read_signals()

    os.write(inbox.wake_fileno, bytes([signal.SIGUSR1, signal.SIGTERM]))
    assert inbox.read_signals()
    assert not inbox.read_signals()


def test_nobody_reads(inbox):
    """A full pipe holds nobody: whoever posts goes on, and all of it is there later."""
    posted = 70_000  # more than a pipe holds

    def post() -> None:
        for _ in range(posted):
            inbox.post(ENDED, "a")

    thread = threading.Thread(target=post)
    thread.start()
    thread.join(30)

    assert not thread.is_alive()
    assert len(inbox.take()) == posted


def test_closed_twice_and_posted_to():
    """News for an inbox that is closed is no error, and closing twice is closing once."""
    inbox = Inbox()
    inbox.close()
    inbox.close()

    inbox.post(ENDED, "a")
    assert inbox.fileno() == -1


def test_a_rest_ends_with_a_handler_and_not_before(inbox):
    """Other news wakes nobody who rests; a handler's end does, also one that came before."""
    inbox.post(HOOKED)
    assert not inbox.rest(0.001)
    inbox.post(ENDED, "a")

    assert inbox.rest(60)
    assert inbox.rest(60)
    assert readable(inbox)
    assert inbox.take() == [(HOOKED, None), (ENDED, "a")]


def test_a_signal_that_ended_a_rest_is_still_there(inbox):
    """Whoever reads signals afterwards finds it, once."""
    os.write(inbox.wake_fileno, bytes([signal.SIGTERM]))

    assert inbox.rest(0.001)
    assert readable(inbox)
    assert inbox.read_signals()
    assert not inbox.read_signals()
