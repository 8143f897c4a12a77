"""The other way out: lines that Firehose does not take, to the runtime's own output."""

from __future__ import annotations

import os

from firehose_logging._diagnostics import tell
from firehose_logging._natives import RLock, write
from firehose_logging._polls import POLLOUT, make_poll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firehose_logging._delivery.backlog import Backlog

#: Most bytes of one write (PIPE_BUF of Linux): a pipe that is ready takes so many at once, without
#: keeping us, and all or none of them. A kill leaves no part of a line that is not longer.
PIPE_BYTES = 4_096

#: Seconds that the output may take nothing before nobody is taken to read it, and what was to make
#: room is lost. A print would wait for ever; on a busy machine one second is not for ever.
PATIENCE = 5.0


class Diversion:
    """Writes a backlog's spilled lines, one thread at a time, outside the backlog's lock.

    Args:
        backlog: what has the lines.
        write: writes whole lines; raises an OSError when that cannot be done.
    """

    def __init__(self, backlog: Backlog, write: Callable[[bytes | bytearray], None]) -> None:
        self._backlog = backlog
        self._write = write
        self.clear()

    def clear(self) -> None:
        """All mutable state, new: also what a forked child starts with."""
        self._lock = RLock()

    def run(self) -> None:
        """Write what is spilled. Another thread that writes already takes this along.

        Where that one is slower than the lines come, wait for it, as a print would.
        """
        batcher = self._backlog.batcher
        while batcher.spilled and self._write_all(wait=batcher.spills_over):
            pass

    def finish(self) -> None:
        """The environment ends: write everything that is pending."""
        self._backlog.exclusively(self._backlog.batcher.spill)
        self._write_all(wait=True)

    def _write_all(self, *, wait: bool) -> bool:
        """Write until nothing is left; False when another thread does, or nothing can be."""
        lock = self._lock
        if lock._is_owned():  # noqa: SLF001 - see Backlog
            return False  # a signal handler that logs, while this thread writes
        try:  # see Backlog.exclusively
            if not (lock.acquire(timeout=PATIENCE) if wait else lock.acquire(blocking=False)):
                return False
            return self._write_spilled()
        finally:
            try:
                lock.release()
            except RuntimeError as error:
                if error.__traceback__ and error.__traceback__.tb_next:
                    raise

    def _write_spilled(self) -> bool:
        backlog = self._backlog
        while (data := backlog.spilled()) is not None:
            try:
                self._write(data)
            except OSError as error:
                text = f"undelivered lines cannot be written to the function's own output: {error}"
                tell(text, code="no_passthrough", once="diversion")
                backlog.diverted(written=False)
                return False
            backlog.diverted(written=True)
        return True


class RuntimeOutput:
    """What the runtime passes on to CloudWatch, by a descriptor of our own.

    Each line is one event there. Never through ``sys.stdout``, which may be captured by us.

    Args:
        fileno: where the process writes to; duplicated, since the function may put something else
            in its place.
    """

    def __init__(self, fileno: int) -> None:
        self._fileno = os.dup(fileno)

    def __call__(self, data: bytes | bytearray) -> None:
        """Write whole lines.

        Raises:
            OSError: nobody reads them.
        """
        view = memoryview(data)
        poll = make_poll()
        poll.register(self._fileno, POLLOUT)
        at = 0
        while at < len(data):
            if not poll.poll(PATIENCE * 1000):
                raise TimeoutError("nobody reads it")
            end = data.rfind(b"\n", at, at + PIPE_BYTES) + 1  # 0 in the middle of a long line
            try:
                at += write(self._fileno, view[at : end or at + PIPE_BYTES])
            except BlockingIOError:
                continue  # the function made it one that does not block
