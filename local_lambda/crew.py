"""The processes of one environment: the runtime and the external extensions."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .process import ManagedProcess, ProcessEnd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .journal import Journal
    from .sandbox import Sandbox

#: Process names of external extensions begin so.
EXTENSION = "extension:"


@dataclass(frozen=True)
class ShutdownResult:
    """How the processes ended; `runtime` is None when none was running, `seconds` the whole."""

    reason: str
    runtime: ProcessEnd | None
    extensions: tuple[ProcessEnd, ...]
    seconds: float


class Crew:
    """Start, stop, continue and end the processes; says nothing to the Lambda APIs.

    `on_exit` is called by a process's watcher, once, when it has ended.
    """

    def __init__(
        self, sandbox: Sandbox, journal: Journal, on_exit: Callable[[ManagedProcess], None]
    ) -> None:
        self._sandbox = sandbox
        self._journal = journal
        self._on_exit = on_exit
        self.runtime: ManagedProcess | None = None
        self.externals: dict[str, ManagedProcess] = {}

    def all(self) -> list[ManagedProcess]:
        """Return the runtime, if there is one, and the external extensions."""
        return ([self.runtime] if self.runtime else []) + list(self.externals.values())

    def start_extension(self, path: Path, runtime_api: str) -> None:
        """Start an external extension; raise `LaunchError`."""
        process = ManagedProcess(
            f"{EXTENSION}{path.name}",
            [str(path)],
            self._sandbox.extension_environment(runtime_api),
            self._sandbox.root,
            on_log=self._journal.extension_log,
            on_exit=self._on_exit,
        )
        self.externals[path.name] = process
        self._journal.note(process.name, "started", f"pid {process.pid}")

    def start_runtime(self, runtime_api: str) -> ManagedProcess:
        """Start the runtime; raise `LaunchError`."""
        runtime = self.runtime = ManagedProcess(
            "runtime",
            self._sandbox.runtime_argv(),
            self._sandbox.environment(runtime_api),
            self._sandbox.task,
            on_log=self._journal.function_log,
            on_exit=self._on_exit,
            framed=self._sandbox.function.framed_log_fd,
        )
        self._journal.note("runtime", "started", f"pid {runtime.pid}")
        return runtime

    def freeze(self) -> None:
        """Stop every process group."""
        for process in self.all():
            process.freeze()

    def thaw(self) -> None:
        """Let every process group run on."""
        for process in self.all():
            process.thaw()

    def kill_all(self) -> None:
        """Kill whatever runs, at once."""
        for process in self.all():
            process.kill()

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
        """Forget all processes; they have ended."""
        self.runtime = None
        self.externals = {}

    def _end(self, process: ManagedProcess, started: float) -> ProcessEnd:
        if process.alive:
            self._journal.note("platform", "SIGKILL", f"to {process.name}")
        process.close()
        return process.end(started)
