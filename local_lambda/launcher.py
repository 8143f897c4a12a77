"""Starting programs: as children of this process, or in namespaces of the environment's own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class LaunchError(Exception):
    """A process could not be started: the file is missing, not executable, or no program."""


class Launched(Protocol):
    """A program that runs; `pid` is its process id and that of its group."""

    pid: int

    def wait(self) -> int:
        """Wait for the end and return the status as `subprocess` does; keeps the id taken."""

    def release(self) -> None:
        """Let the id be used again; the program has ended."""


class Launcher(Protocol):
    """What starts programs and knows all that came of them."""

    def open(self) -> None:
        """Get ready; idempotent."""

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        streams: tuple[int, int, int],
        named: Mapping[str, int],
    ) -> Launched:
        """Start a program in a process group of its own; raise `LaunchError`.

        `streams`: descriptors for stdin, stdout, stderr; `named`: more, by the variable that tells
        their number.
        """

    def outer_pid(self, pid: int) -> int:
        """Return this machine's id of a process that names itself `pid`."""

    def signal_all(self, number: int, spare: int | None = None) -> None:
        """Signal all that was started and what these have started, where that can be known.

        `spare`: process id of one that gets no signal.
        """

    def roots(self) -> list[int]:
        """Return ids of processes below which all of the environment are, and nobody else."""

    def connect(self, port: int) -> socket.socket:
        """Connect to a port of the environment's loopback address; raise `OSError`."""

    def close(self) -> None:
        """End everything; idempotent."""


class _Child:
    def __init__(self, popen: subprocess.Popen[bytes], watchdog: Watchdog) -> None:
        self._popen = popen
        self._watchdog = watchdog
        self.pid = popen.pid
        watchdog.add(self.pid)

    def wait(self) -> int:
        """As of `Launched`: the zombie keeps the process group's number ours."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._popen.wait()
        info = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        assert info is not None
        return info.si_status if info.si_code == os.CLD_EXITED else -info.si_status

    def release(self) -> None:
        """As of `Launched`."""
        self._watchdog.forget(self.pid)
        self._popen.wait()


class DirectLauncher:
    """Children of this process, on this machine's file system and network."""

    def __init__(self) -> None:
        self._watchdog = Watchdog()

    def open(self) -> None:
        """As of `Launcher`."""
        self._watchdog.open()

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        streams: tuple[int, int, int],
        named: Mapping[str, int],
    ) -> Launched:
        """As of `Launcher`."""
        variables = {**env, **{name: str(fd) for name, fd in named.items()}}
        try:
            return _Child(
                subprocess.Popen(
                    list(argv),
                    stdin=streams[0],
                    stdout=streams[1],
                    stderr=streams[2],
                    env=variables,
                    cwd=cwd,
                    pass_fds=tuple(named.values()),
                    **_own_group(terminal=os.isatty(streams[0])),
                ),
                self._watchdog,
            )
        except (OSError, ValueError) as error:
            raise LaunchError(str(error)) from error

    def outer_pid(self, pid: int) -> int:
        """The same."""
        return pid

    def signal_all(self, number: int, spare: int | None = None) -> None:
        """Who has left the process groups is not known."""

    def roots(self) -> list[int]:
        """None: others than ours are below this process too."""
        return []

    def connect(self, port: int) -> socket.socket:
        """As of `Launcher`."""
        return socket.create_connection(("127.0.0.1", port), 2.0)

    def close(self) -> None:
        """As of `Launcher`: every group that was started and has not been released."""
        self._watchdog.close()


def descendants(pid: int) -> list[int]:
    """Return the processes below one, from /proc; empty where that is not told."""
    found: list[int] = []
    try:
        places = list(Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:  # it has gone meanwhile
        return found
    for tasks in places:
        try:
            children = [int(word) for word in tasks.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def _own_group(*, terminal: bool) -> dict[str, Any]:
    """Return the Popen argument that makes a process group.

    A group in our own session is better than a new session: should this process die without
    cleaning up, the kernel ends stopped members of the orphaned group (SIGHUP, SIGCONT). Who is to
    read a terminal must not be in a background group of it, though.
    """
    if sys.version_info >= (3, 11) and not terminal:
        return {"process_group": 0}
    return {"start_new_session": True}


def describe_exit(returncode: int) -> str:
    """Return the words of the service for an exit status."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode < 0:
        try:
            name = signal.strsignal(-returncode) or f"signal {-returncode}"
        except ValueError:
            name = f"signal {-returncode}"
        return f"Runtime exited with error: signal: {name.lower()}"
    return f"Runtime exited with error: exit status {returncode}"
