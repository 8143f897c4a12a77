"""SnapStart: a process that was stopped when it was initialised, and the copies made of it.

The process's own part is `var_runtime/local_lambda_snapshot.py`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

from .process import ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "_LOCAL_LAMBDA_SNAPSHOT_FD"
READY, HOLD, RESUME = b"r", b"h", b"f"
#: Seconds for the process to fork when it is asked to.
RESUME_SECONDS = 5.0


class SnapshotError(Exception):
    """The snapshot cannot be taken or resumed; the message says why."""


class Control:
    """The line to the process that is to become a snapshot.

    `on_ready` is called once, in a thread of its own, when it is initialised and waits.
    """

    def __init__(self, on_ready: Callable[[], None]) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._on_ready = on_ready
        self._thread: threading.Thread | None = None

    @property
    def fd(self) -> int:
        """The process's end."""
        return self._theirs.fileno()

    def started(self) -> None:
        """The process has its end; wait for it to be ready."""
        self._theirs.close()
        self._thread = threading.Thread(target=self._wait, name="snapshot", daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        with contextlib.suppress(OSError):
            if self._ours.recv(1) == READY:
                self._on_ready()

    def hold(self) -> None:
        """Have the process stand still for good: this is the snapshot."""
        self._ours.sendall(HOLD)

    def resume(self) -> int:
        """Make a copy and return its process id; raise `SnapshotError`."""
        self._ours.settimeout(RESUME_SECONDS)
        try:
            self._ours.sendall(RESUME)
            return self._number()
        except OSError as error:
            raise SnapshotError(f"the snapshot cannot be resumed: {error}") from None
        finally:
            self._ours.settimeout(None)

    def end_of_copy(self) -> int:
        """Wait until the copy has ended and return its status as `subprocess` does."""
        try:
            return os.waitstatus_to_exitcode(self._number())
        except OSError:
            return -9  # the snapshot itself was killed, and its copy with it

    def _number(self) -> int:
        data = b""
        while len(data) < 8:
            part = self._ours.recv(8 - len(data))
            if not part:
                raise ConnectionResetError("the process is gone")
            data += part
        return int.from_bytes(data, "little")

    def close(self) -> None:
        """Let go; the process then ends by itself."""
        for end in (self._ours, self._theirs):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Copy(ManagedProcess):
    """A copy of the snapshot, running; its output goes where the snapshot's went."""

    def __init__(
        self,
        snapshot: ManagedProcess,
        control: Control,
        on_exit: Callable[[ManagedProcess], None],
        outer_pid: Callable[[int], int],
    ) -> None:
        self._control = control
        self._prepare(snapshot.name, snapshot.argv, on_exit)
        self.pid = outer_pid(control.resume())
        self.reader = snapshot.reader
        self._watch_end()

    def _wait_unreaped(self) -> int:
        status = self._control.end_of_copy()
        with self._signal_lock:
            self._reaped = True  # by the snapshot, whose child it is
        return status

    def _release(self) -> None:
        """The reader is the snapshot's."""
