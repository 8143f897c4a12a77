"""Threads that wait for a flush, each on a lock of its own."""

from __future__ import annotations

from firehose_logging._natives import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading


class Waiters:
    """Who waits for news; a condition variable cannot be notified from a signal handler."""

    def __init__(self) -> None:
        self._locks: list[threading.Lock] = []

    def enter(self) -> threading.Lock:
        """Wait from now on: each acquisition of the lock waits for the next news."""
        lock = allocate_lock()
        lock.acquire()
        self._locks.append(lock)
        return lock

    def leave(self, lock: threading.Lock) -> None:
        """Wait no more."""
        self._locks.remove(lock)

    def notify(self) -> None:
        """There is news."""
        for lock in list(self._locks):
            wake(lock)


def wake(lock: threading.Lock) -> None:
    """Let whoever waits for the lock go on.

    A lock as a binary semaphore: unlike ``Event.set``, it can be re-entered by a signal handler.
    """
    if lock.locked():
        try:
            lock.release()
        except RuntimeError:
            return  # somebody else just has
