"""What the interpreter has is ours, whoever has patched the standard library."""

from __future__ import annotations

import _thread
import select
import subprocess
import sys
import threading
import warnings

from firehose_logging import _natives
from firehose_logging._fork import Unwarned

FORKED = "This process (pid=7) is multi-threaded, use of fork() may lead to deadlocks in the child."
PATCHED = """
import _thread, os, select, threading
none = lambda *args, **kwargs: 1 / 0
_thread.start_new_thread = os.read = os.write = none
del select.poll
from firehose_logging import _natives, _polls
lock = _natives.allocate_lock()
lock.acquire()
_natives.start_new_thread(lock.release, ())
assert lock.acquire(timeout=10)
read, write = os.pipe()
poll = _polls.make_poll()
poll.register(read, _polls.POLLIN)
assert _natives.write(write, b"x") == 1 and poll.poll(1000) and _natives.read(read, 9) == b"x"
assert not hasattr(select, "poll")
"""

COUNTED = """
import threading
from firehose_logging import _threads
from tools.waiting import wait_until
let_go = threading.Event()
ours = [_threads.spawn("a test", let_go.wait) for _ in range(3)]
wait_until(lambda: len(_threads.own) == 3)
assert _threads.others() == 1
other = threading.Thread(target=let_go.wait)
other.start()
assert _threads.others() == 2
let_go.set()
for thread in (*ours, other):
    thread.join()
"""


def test_patches_from_before_do_not_reach_us():
    """Threads, locks, polls, reads and writes work in a process that has none of them any more."""
    command = [sys.executable, "-c", PATCHED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stderr == ""


def test_our_locks_are_of_a_type_of_their_own():
    """Who looks for all locks of the process, to replace them, finds none of ours."""
    assert not isinstance(_natives.RLock(), type(threading.RLock()))
    assert _natives.get_ident() == _thread.get_ident()
    assert hasattr(select, "poll")


def test_our_threads_are_told_from_others():
    """The count of a process's threads is that without ours."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTED], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""


def test_the_warning_of_a_fork_is_kept_back_where_it_is_ours():
    """Once for each fork, for that text alone; the filters are as they were afterwards."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        before = list(warnings.filters)
        unwarned = Unwarned(lambda: 1)
        unwarned.before()
        warnings.warn(FORKED, DeprecationWarning, stacklevel=1)
        assert warnings.filters == before
        unwarned.before()
        unwarned.after()
        assert warnings.filters == before

    assert not seen


def test_the_warning_of_a_fork_is_shown_where_the_function_has_threads():
    """The function's own threads are warned of as without us."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        Unwarned(lambda: 2).before()
        warnings.warn(FORKED, DeprecationWarning, stacklevel=1)

    assert [str(found.message) for found in seen] == [FORKED]
