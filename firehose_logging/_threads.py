"""Our own threads: how they are started, and how anyone can tell that he is on one."""

from __future__ import annotations

import os
import threading

from firehose_logging._natives import allocate_lock, get_ident, get_native_id, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Loggers of the SDK: on our own threads they talk about our own deliveries, and a line of
#: theirs would make the next delivery, which makes the next line.
SDK = frozenset({"boto3", "botocore", "s3transfer", "urllib3"})

#: Idents of our threads that run.
own: set[int] = set()

#: Idents of threads that are calling Firehose now. Tracers patch the SDK, and log or print about
#: each call from loggers of their own (AWS X-Ray, OpenTelemetry): that would never end, either.
calling: set[int] = set()

#: Our threads by the system's own number, and those that are started and not known by it yet.
native_ids: set[int] = set()
starting: set[Thread] = set()

#: How often this process was forked: a child has none of its parent's threads.
_forks = 0


class Thread:
    """A thread that ``threading`` does not list: a function may join or count those it sees.

    What gevent puts in the place of natives later is none of ours: these are bound at our import.

    Args:
        target: what it does.

    Raises:
        RuntimeError: the interpreter is shutting down, or the system gives no more threads.
    """

    def __init__(self, target: Callable[[], None]) -> None:
        self._target = target
        self._forks = _forks
        #: The system's own number; None until it runs.
        self.native_id: int | None = None
        self._running = allocate_lock()
        self._running.acquire()
        starting.add(self)
        try:
            start_new_thread(self._run, ())
        except BaseException:
            starting.discard(self)
            raise

    def _run(self) -> None:
        native_id = self.native_id = get_native_id()
        native_ids.add(native_id)
        starting.discard(self)
        ident = get_ident()
        own.add(ident)
        try:
            self._target()
        finally:
            own.discard(ident)
            _unlist(ident)
            self._running.release()

    def is_alive(self) -> bool:
        """Whether it runs, in this process."""
        return self._running.locked() and self._forks == _forks

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended.

        Args:
            timeout: most seconds; None waits as long as it takes.
        """
        if self.is_alive() and self._running.acquire(timeout=-1 if timeout is None else timeout):
            self._running.release()


def _unlist(ident: int) -> None:
    """Take out what ``threading`` lists for a thread of ours that asked it who it was."""
    threading._active.pop(ident, None)  # type: ignore[attr-defined]  # noqa: SLF001


def spawn(name: str, target: Callable[[], None]) -> Thread:
    """Start ``target`` on a thread of ours, which does not keep the interpreter from its end.

    Args:
        name: what it is for.
        target: what it does.

    Raises:
        RuntimeError: as of ``Thread``.
    """
    del name  # for whoever takes our place in a test
    return Thread(target)


def is_ending() -> bool:
    """Whether the interpreter ends: from Python 3.12 on no thread is started any more then."""
    return not threading.main_thread().is_alive()


def is_own() -> bool:
    """Whether the calling thread is one of ours."""
    return get_ident() in own


def is_about_us(logger: str) -> bool:
    """Whether what this logger says on this thread is about our own deliveries."""
    ident = get_ident()
    if ident in own:
        _unlist(ident)  # a record has its thread's name, for which somebody has just asked
        return ident in calling or logger.partition(".")[0] in SDK
    return ident in calling


def others() -> int:
    """How many threads this process has besides ours, as Linux counts them.

    Raises:
        OSError: that cannot be seen here.
    """
    begun, known = set(starting), set(native_ids)
    tasks = {int(name) for name in os.listdir("/proc/self/task")}  # noqa: PTH208 - pathlib is not loaded
    begun |= starting  # one that was started meanwhile may be among the tasks
    # In this order: whoever gets its number meanwhile is taken off by that, or as one without.
    ours = set(native_ids)
    numbers = [thread.native_id for thread in begun]
    found = len(tasks - ours.union(number for number in numbers if number)) - numbers.count(None)
    native_ids.difference_update(known - tasks)  # numbers are given out again
    return found


def forget() -> None:
    """A forked child has none of its parent's threads."""
    global _forks
    _forks += 1
    own.clear()
    calling.clear()
    native_ids.clear()
    starting.clear()
