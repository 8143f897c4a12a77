"""A lock for the end of the interpreter, which stops threads wherever they are."""

from __future__ import annotations

from firehose_logging._natives import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds after which whoever holds a lock is taken for gone; nobody holds one of ours so long.
LONGEST_HOLD = 0.5


class LastLock:
    """A lock that nobody waits for in vain.

    A thread that waits for a lock takes it while others run Python code, and then waits for its
    turn. When the interpreter ends that never comes: the lock is taken, by nobody. Finalizers run
    after that, and they log.

    Args:
        lock: what has been taken so far; threads may hold it now.
    """

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def is_held_here(self) -> bool:
        """Whether the calling thread has it."""
        return bool(self._lock._is_owned())  # noqa: SLF001 - as threading.Condition does

    def acquire(self) -> None:
        """Take it; another in its place where it is not given back."""
        if not self._lock.acquire(timeout=LONGEST_HOLD):
            self._lock = RLock()
            self._lock.acquire()

    def release(self) -> None:
        """Give it back."""
        try:
            self._lock.release()
        except RuntimeError:
            return  # another has taken its place
