"""The thread of a delivery: started when there is something to do, woken when there is more."""

from __future__ import annotations

import os

from firehose_logging import _threads
from firehose_logging._delivery.waiters import wake
from firehose_logging._natives import allocate_lock, get_ident, get_native_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Thread(Protocol):
        """What is asked of a thread."""

        def is_alive(self) -> bool:
            """Whether it still runs."""

        def join(self, timeout: float | None = None) -> None:
            """Wait until it has ended."""


class Worker:
    """One thread at most, and what it waits on.

    Args:
        run: what the thread does; given is the worker itself.
        spawn: starts a thread; None for ``_threads.spawn``.
    """

    def __init__(
        self,
        run: Callable[[Worker], None],
        spawn: Callable[[str, Callable[[], None]], Thread] | None = None,
    ) -> None:
        self._run = run
        self._spawn = spawn or _threads.spawn
        self._thread: Thread | None = None
        # The thread that is at work: one that a signal handler's exception kept from being known
        # by its handle runs all the same.
        self._at_work: int | None = None
        self._native: int | None = None
        self._claim = allocate_lock()
        self._news = allocate_lock()
        self._news.acquire()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return self._at_work is not None or (thread is not None and thread.is_alive())

    @property
    def is_here(self) -> bool:
        """Whether the calling thread is the worker's."""
        return self._at_work == get_ident()

    def start(self) -> None:
        """Start the thread where none runs; none does afterwards where there is none to be had."""
        if self.alive:
            return
        try:
            self._thread = self._spawn("delivery", self._work)
        except RuntimeError:
            # The interpreter is shutting down; flush() then delivers inline.
            self._thread = None

    def _work(self) -> None:
        if not self._claim.acquire(blocking=False) and self._is_elsewhere():
            return
        self._at_work = get_ident()
        self._native = get_native_id()
        try:
            self._run(self)
        finally:
            self._at_work = self._native = None
            self._claim.release()

    def _is_elsewhere(self) -> bool:
        """Whether another thread is at work, and none that a copy of a snapshot has lost.

        The local Lambda's copies are forks: their threads begin anew, one for each that was. Only
        the system's own number tells that one is gone; idents are given out again.
        """
        native, tasks = self._native, "/proc/self/task"
        if native is None or not os.path.isdir(tasks):  # noqa: PTH112 - pathlib is not loaded
            return True
        return os.path.exists(f"{tasks}/{native}")  # noqa: PTH110 - as above

    def wake(self) -> None:
        """There is news; callable from a signal handler."""
        wake(self._news)

    def wait(self, seconds: float | None) -> None:
        """Wait for news.

        Args:
            seconds: most seconds; None until there is some.
        """
        self._news.acquire(timeout=-1 if seconds is None else seconds)

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended; a no-op on a thread of ours."""
        thread = self._thread
        if thread is not None and not _threads.is_own():
            thread.join(timeout)
