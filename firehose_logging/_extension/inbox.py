"""News for the companion from other threads and from signals: a queue, and a pipe to wake it."""

from __future__ import annotations

import os
from collections import deque

from firehose_logging._natives import allocate_lock, read, write
from firehose_logging._shutdown import SIGTERM

#: Kinds of news: a hook in the runtime client tells when handlers begin and end from now on; the
#: function's own decorator does; a handler is done, with its request id or None.
HOOKED = "hooked"
DECORATED = "decorated"
ENDED = "ended"


class Inbox:
    """Takes news from any thread and from signal handlers; never blocks.

    Raises:
        OSError: the process has no descriptors left.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        # All mutable state.
        self._news: deque[tuple[str, str | None]] = deque()
        self._terminates = False  # SIGTERM was seen by ``rest``
        # Taken while somebody may rest.
        self._bell = allocate_lock()
        self._bell.acquire()

    @property
    def wake_fileno(self) -> int:
        """Where a byte wakes the reader; the interpreter writes signal numbers to it."""
        return self._write

    def fileno(self) -> int:
        """Descriptor to poll for news."""
        return self._read

    def post(self, kind: str, value: str | None = None) -> None:
        """Hand over news and wake the reader."""
        self._news.append((kind, value))
        if kind == ENDED and self._bell.locked():
            self.ring()
        self.wake()

    def wake(self) -> None:
        """Have the reader look around."""
        try:
            write(self._write, b"\0")
        except OSError:
            return  # full, so it is awake; or closed, so it is gone

    def ring(self) -> None:
        """End a rest."""
        try:
            self._bell.release()
        except RuntimeError:
            return  # another thread has

    def rest_again(self) -> None:
        """Somebody may rest once more, until the next end of a handler."""
        self._bell.acquire(False)

    def rest(self, seconds: float) -> bool:
        """Wait for a handler's end; whether that, SIGTERM or ``ring`` came. Nothing is taken away.

        Args:
            seconds: most of them. A signal is seen when they are over.
        """
        if self._bell.acquire(timeout=seconds):
            self._bell.release()  # from now on nobody rests
            came = True
        else:
            came = self._terminates = self.read_signals()
        if came:
            self.wake()
        return came

    def read_signals(self) -> bool:
        """Empty the pipe; whether SIGTERM came."""
        came, self._terminates = self._terminates, False
        try:
            data = read(self._read, 4096)
        except BlockingIOError:
            return came
        # A byte that is a signal's number was written by the interpreter's own C handler.
        return came or SIGTERM in data

    def take(self) -> list[tuple[str, str | None]]:
        """All news so far, in order."""
        news = []
        while self._news:
            news.append(self._news.popleft())
        return news

    def close(self) -> None:
        """Close both ends; news that still comes is kept and wakes nobody."""
        for fileno in (self._read, self._write):
            if fileno >= 0:
                os.close(fileno)
        self._read = self._write = -1
