"""The processes of one environment: the runtime and the external extensions."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .launcher import LaunchError, descendants
from .process import STOP_WAIT_SECONDS, ManagedProcess, ProcessEnd, state_of
from .snapshot import VARIABLE, Control, Copy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .journal import Journal
    from .launcher import Launcher
    from .sandbox import Sandbox

#: Process names of external extensions begin so.
EXTENSION = "extension:"
#: States of /proc/<pid>/stat in which a process does nothing; None: it is gone.
STILL = ("T", "t", "Z", "X", None)


@dataclass(frozen=True)
class ShutdownResult:
    """How the processes ended; `runtime` is None when none was running, `seconds` the whole."""

    reason: str
    runtime: ProcessEnd | None
    extensions: tuple[ProcessEnd, ...]
    seconds: float


class Processes:
    """Start, stop, continue and end the processes; says nothing to the Lambda APIs.

    `on_exit` is called by a process's watcher, once, when it has ended. `stdin`: descriptor that
    the runtime reads, None for an empty one.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        launcher: Launcher,
        journal: Journal,
        on_exit: Callable[[ManagedProcess], None],
        stdin: int | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._launcher = launcher
        self._journal = journal
        self._on_exit = on_exit
        self._stdin = stdin
        self.runtime: ManagedProcess | None = None
        self._snapshot: ManagedProcess | None = None
        self._control: Control | None = None
        #: What there was when the snapshot was taken.
        self._initialised: set[int] = set()
        self.externals: dict[str, ManagedProcess] = {}

    def all(self) -> list[ManagedProcess]:
        """Return the runtime, if there is one, and the external extensions."""
        return ([self.runtime] if self.runtime else []) + list(self.externals.values())

    def leaders(self) -> list[int]:
        """Return the ids of those that run."""
        return [process.pid for process in self.all() if process.alive]

    def strays(self) -> list[int]:
        """Return the ids of all processes of the environment, where only these are below a root."""
        return [pid for root in self._launcher.roots() for pid in descendants(root)]

    def max_memory_bytes(self) -> int:
        """Return the most that each of those that run has held, added up."""
        return sum(process.max_memory_bytes() or 0 for process in self.all() if process.alive)

    def start_extension(self, path: Path, runtime_api: str) -> None:
        """Start an external extension; raise `LaunchError`."""
        process = self._start(
            f"{EXTENSION}{path.name}",
            [self._sandbox.extension_path(path)],
            self._sandbox.extension_environment(runtime_api),
            self._sandbox.extension_cwd,
            on_log=self._journal.extension_log,
        )
        self.externals[path.name] = process
        self._journal.note(process.name, "started", f"pid {process.pid}")

    def start_runtime(
        self, runtime_api: str, on_snapshot: Callable[[], None] | None = None
    ) -> ManagedProcess:
        """Start the runtime; raise `LaunchError`.

        `on_snapshot` is called when it is ready to be taken a snapshot of; None: it never will be.
        """
        control = self._control = Control(on_snapshot) if on_snapshot is not None else None
        runtime = self.runtime = self._start(
            "runtime",
            self._sandbox.runtime_argv(),
            self._sandbox.environment(runtime_api),
            self._sandbox.task_seen,
            on_log=self._journal.function_log,
            framed=self._sandbox.function.framed_log_fd,
            inherited={VARIABLE: control.fd} if control is not None else None,
            stdin=self._stdin,
        )
        if control is not None:
            control.started()
        self._journal.note("runtime", "started", f"pid {runtime.pid}")
        return runtime

    def _start(
        self, name: str, argv: list[str], env: dict[str, str], cwd: str, **settings: Any
    ) -> ManagedProcess:
        """Start one process; where it cannot be, say what the sandbox has to do with it."""
        try:
            return ManagedProcess(
                name, argv, env, cwd, launcher=self._launcher, on_exit=self._on_exit, **settings
            )
        except LaunchError as error:
            raise LaunchError(f"{error}{self._sandbox.why_not_started(argv[0])}") from error

    def take_snapshot(self) -> None:
        """The runtime stands still from now on; copies of it run."""
        assert self._control is not None
        self._control.hold()
        self._snapshot, self.runtime = self.runtime, None
        self._initialised = set(self.strays())
        self._journal.note("platform", "snapshot taken")

    def resume_snapshot(self) -> None:
        """Start a copy as the runtime; raise `SnapshotError`."""
        assert self._snapshot is not None
        assert self._control is not None
        self.runtime = Copy(self._snapshot, self._control, self._on_exit, self._launcher.outer_pid)
        self._journal.note("runtime", "resumed", f"pid {self.runtime.pid}")

    def end_copy(self, started: float, share: float) -> None:
        """End the copy that runs, and what it has left behind; what Init started stays."""
        self.end_runtime(started, share)
        for pid in set(self.strays()) - self._initialised:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop every process group, and who has left them, where that can be known."""
        self._launcher.signal_all(signal.SIGSTOP, self._snapshot_pid())
        for process in self.all():
            process.freeze()
        give_up = time.monotonic() + STOP_WAIT_SECONDS
        for pid in self.strays():
            while time.monotonic() < give_up and state_of(pid) not in STILL:
                time.sleep(0.0005)

    def thaw(self) -> None:
        """Let all of them run on."""
        self._launcher.signal_all(signal.SIGCONT, self._snapshot_pid())
        for process in self.all():
            process.thaw()

    def kill_all(self) -> None:
        """Kill whatever runs, at once."""
        self._launcher.signal_all(signal.SIGKILL)
        for process in self.all():
            process.kill()
        self.discard_snapshot()

    def end_runtime(self, started: float, share: float) -> ProcessEnd | None:
        """SIGTERM, `share` seconds, SIGKILL; a share of 0 means SIGKILL at once."""
        runtime = self.runtime
        if runtime is None:
            return None
        if runtime.alive and share > 0:
            self._journal.note("platform", "SIGTERM", f"to runtime, {share * 1000:.0f} ms")
            runtime.signal(signal.SIGTERM)
            runtime.wait(started + share - time.monotonic())
        return self._end(runtime, started)

    def end_extensions(self, started: float, give_up_at: float) -> tuple[ProcessEnd, ...]:
        """Wait for the extensions to end, then kill those that have not."""
        ends = []
        for process in self.externals.values():
            process.wait(give_up_at - time.monotonic())
            ends.append(self._end(process, started))
        return tuple(ends)

    def dismiss(self) -> None:
        """Forget all processes, which have ended, and kill what they have left behind."""
        self._launcher.signal_all(signal.SIGKILL)
        self.runtime = None
        self.externals = {}

    def discard_snapshot(self) -> None:
        """End the process that copies were made of, and with it what it keeps open."""
        snapshot, self._snapshot = self._snapshot, None
        if self._control is not None:
            self._control.close()
            self._control = None
        if snapshot is not None:
            snapshot.kill()
            snapshot.close()

    def _snapshot_pid(self) -> int | None:
        """Return the id of the snapshot, which stands still and is not to be woken by a signal."""
        return self._snapshot.pid if self._snapshot is not None else None

    def _end(self, process: ManagedProcess, started: float) -> ProcessEnd:
        if process.alive:
            self._journal.note("platform", "SIGKILL", f"to {process.name}")
        process.close()
        return process.end(started)
