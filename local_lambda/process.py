"""One process group of the environment: start, freeze, thaw, signal, end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .launcher import LaunchError
from .logs import LogEvent, OutputReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .launcher import Launched, Launcher

LOG_FD_VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"
#: SIGSTOP takes effect on another CPU a moment after kill() returns.
STOP_WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class ProcessEnd:
    """How a process of the environment ended.

    `returncode` is as in `subprocess` (negative: killed by that signal); `by_itself` is False when
    SIGKILL had to be sent; `after` is seconds from the start of the shutdown to the end.
    """

    name: str
    pid: int
    returncode: int
    by_itself: bool
    after: float


class ManagedProcess:
    """A program in a process group of its own, with its output read and its end watched.

    `on_log` gets each event in the reader's thread; `on_exit` is called once, after the last
    output was passed on. `framed` gives the program a log fd as the service does; `inherited` are
    more descriptors for it, by the variable that names them. Raises `LaunchError`.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        *,
        launcher: Launcher,
        on_log: Callable[[LogEvent], None],
        on_exit: Callable[[ManagedProcess], None],
        framed: bool = False,
        inherited: Mapping[str, int] | None = None,
        stdin: int | None = None,
    ) -> None:
        self._prepare(name, argv, on_exit)
        named = dict(inherited or {})
        pipes: dict[str, int] = {}
        ours: dict[str, int] = {}  # write ends, which only the program keeps
        for stream in ("stdout", "stderr", *(("log",) if framed else ())):
            pipes[stream], ours[stream] = os.pipe()
        if framed:
            named[LOG_FD_VARIABLE] = ours["log"]
        empty = os.open(os.devnull, os.O_RDONLY)
        streams = (empty if stdin is None else stdin, ours["stdout"], ours["stderr"])
        try:
            self._launched: Launched = launcher.start(self.argv, env, cwd, streams, named)
        except LaunchError as error:
            for fd in pipes.values():
                os.close(fd)
            raise LaunchError(f"cannot start {name} ({' '.join(self.argv)}): {error}") from error
        finally:
            for fd in (empty, *ours.values()):
                os.close(fd)
        self.pid = self._launched.pid
        self.reader = OutputReader(name, pipes, on_log)
        self._watch_end()

    def _prepare(
        self, name: str, argv: Sequence[str], on_exit: Callable[[ManagedProcess], None]
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.returncode: int | None = None
        self.exited_at: float | None = None  # monotonic
        self.killed = False
        self.started_at = time.monotonic()
        self._on_exit = on_exit
        self._signal_lock = threading.Lock()
        self._reaped = False

    def _watch_end(self) -> None:
        self._watcher = threading.Thread(target=self._watch, name=f"watch-{self.name}", daemon=True)
        self._watcher.start()

    @property
    def alive(self) -> bool:
        """True until the process has ended."""
        return self.returncode is None

    def signal(self, number: int) -> bool:
        """Send `number` to the whole group; False when nothing is left of it."""
        with self._signal_lock:
            if self._reaped:  # the number may belong to somebody else by now
                return False
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                return False
            return True

    def freeze(self) -> bool:
        """Stop the group and wait until the leader has stopped; False when it has ended."""
        if not self.signal(signal.SIGSTOP):
            return False
        give_up = time.monotonic() + STOP_WAIT_SECONDS
        while time.monotonic() < give_up:
            if not self.alive:
                return False
            if self.state() in ("T", "t", None):
                break
            time.sleep(0.0005)
        return True

    def thaw(self) -> None:
        """Let the group run on."""
        self.signal(signal.SIGCONT)

    def state(self) -> str | None:
        """Return the state letter of `/proc/<pid>/stat` (T: stopped), None where unknown."""
        return state_of(self.pid)

    def max_memory_bytes(self) -> int | None:
        """Return the most memory the leader has held so far (VmHWM), None where unknown."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return None

    def kill(self) -> None:
        """End the group with SIGKILL, stopped or not, and what a dead leader left of it."""
        if self.alive:
            self.killed = True
        self.signal(signal.SIGKILL)
        self.signal(signal.SIGCONT)

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the end; True when it came and its output is read."""
        self._watcher.join(max(0.0, timeout))
        return not self._watcher.is_alive()

    def close(self) -> None:
        """Kill what is left of the group, reap it, stop the threads; idempotent."""
        self.kill()
        self._watcher.join(5.0)
        self._release()

    def _release(self) -> None:
        with self._signal_lock:
            self._launched.release()
            self._reaped = True
        self.reader.close()

    def end(self, since: float) -> ProcessEnd:
        """Describe the end; times are counted from `since` (monotonic)."""
        after = (self.exited_at or time.monotonic()) - since
        code = self.returncode if self.returncode is not None else -signal.SIGKILL
        return ProcessEnd(self.name, self.pid, code, not self.killed, max(0.0, after))

    def _watch(self) -> None:
        returncode = self._wait_unreaped()
        self.exited_at = time.monotonic()
        self.reader.sync()
        self.returncode = returncode
        self._on_exit(self)

    def _wait_unreaped(self) -> int:
        """Wait for the end, but keep the process group's number ours."""
        return self._launched.wait()


def state_of(pid: int) -> str | None:
    """Return the state letter of `/proc/<pid>/stat` (T: stopped), None where unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[0]
