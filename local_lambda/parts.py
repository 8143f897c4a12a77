"""The parts of one environment under one lock, and waiting for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._state import ExtensionState, RuntimeState
from .extensions_api import Extension, Registry
from .launcher import describe_exit
from .processes import Processes
from .runtime_api import RuntimeSlot
from .worker_slots import WorkerSlots

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from .function import Function
    from .journal import Journal
    from .launcher import Launcher
    from .process import ManagedProcess
    from .sandbox import Sandbox

#: What an invocation ends with when its environment held more memory than the function has.
OUT_OF_MEMORY = "Runtime.OutOfMemory"
#: A writer that never pauses must not hold up the platform.
SYNC_SECONDS = 0.1


@dataclass(frozen=True)
class Failure:
    """Why an init or invocation cannot go on.

    `status` is error or timeout; `message` is for people; `body` is what the runtime itself
    reported with an init error.
    """

    status: str
    error_type: str
    message: str
    body: bytes = b""


class Parts:
    """Processes, runtime slot, extension registry and journal of one environment.

    `changed` guards the state of slot and registry and is notified after every move of theirs and
    every end of a process. `on_runtime` is told each call of the runtime and `on_extension` each
    call of an extension, with `changed` held; `on_exit` each end of a process, without.
    """

    def __init__(
        self,
        function: Function,
        sandbox: Sandbox,
        changed: threading.Condition,
        journal: Journal,
        *,
        launcher: Launcher,
        stdin: int | None,
        on_runtime: Callable[[str], None],
        on_extension: Callable[[Extension, str], None],
        on_exit: Callable[[ManagedProcess], None],
    ) -> None:
        self.function = function
        self.sandbox = sandbox
        self.changed = changed
        self.journal = journal
        self.relay = journal.relay
        self.processes = Processes(sandbox, launcher, journal, on_exit, stdin)
        self.registry = Registry(
            changed,
            {
                "functionName": function.name,
                "functionVersion": function.version,
                "handler": function.handler,
            },
            account_id=function.account_id,
            managed=function.max_concurrency is not None,
            on_move=on_extension,
            before_next=self._read_output_of,
        )
        self.workers = (
            WorkerSlots(changed, function.arn, on_move=on_runtime, before_next=self._read_output)
            if function.max_concurrency is not None
            else None
        )
        self.slot: RuntimeSlot | WorkerSlots = self.workers or RuntimeSlot(
            changed,
            function.arn,
            snap_start=function.initialization_type == "snap-start",
            on_move=on_runtime,
            before_next=self._read_output,
        )
        self.aborted = False
        self.out_of_memory = False
        self.runtime_api = ""

    def wait(self, ready: Callable[[], bool], give_up_at: float) -> Failure | None:
        """Wait until `ready` (asked with the lock held), a failure, or the time is up."""
        with self.changed:
            while True:
                failure = self.failure()
                if failure is not None:
                    return failure
                if ready():
                    return None
                left = give_up_at - time.monotonic()
                if left <= 0:
                    return Failure("timeout", "Sandbox.Timedout", "timed out")
                self.changed.wait(left)

    def all_ready(self) -> bool:
        """Tell whether runtime and every registered extension wait for an event; lock held."""
        return self.runtime_ready() and all(
            extension.state is ExtensionState.READY for extension in self.registry.registered()
        )

    def snapshot_ready(self) -> bool:
        """Tell whether a SnapStart runtime and all extensions are initialised; lock held."""
        return self.slot.snapshot_ready and all(
            extension.state is ExtensionState.READY for extension in self.registry.registered()
        )

    def invoke_done(self) -> bool:
        """Tell whether all that were sent the invocation wait again; lock held."""
        return self.runtime_ready() and all(
            extension.state is ExtensionState.READY
            for extension in self.registry.registered()
            if "INVOKE" in extension.events
        )

    def runtime_ready(self) -> bool:
        """Tell whether the runtime waits for an event; lock held."""
        return self.slot.state is RuntimeState.READY

    def failure(self) -> Failure | None:
        """Return what keeps the environment from going on, None when nothing does; lock held."""
        if self.aborted:
            return Failure("error", "Sandbox.Terminated", "the environment was shut down")
        return self._runtime_failure() or self._extension_failure()

    def _runtime_failure(self) -> Failure | None:
        if self.slot.state is RuntimeState.INIT_ERROR:
            error_type = self.slot.init_error_type
            return Failure("error", error_type, error_type, self.slot.init_error or b"{}")
        runtime = self.processes.runtime
        if runtime is not None and runtime.returncode is not None:
            kind = OUT_OF_MEMORY if self.out_of_memory else "Runtime.ExitError"
            return Failure("error", kind, describe_exit(runtime.returncode))
        return None

    def _extension_failure(self) -> Failure | None:
        for extension in self.registry.all():
            if extension.state is ExtensionState.INIT_ERROR:
                return Failure("error", "Extension.InitError", extension.error_type or "")
            if extension.state is ExtensionState.EXIT_ERROR:
                return Failure("error", "Extension.ExitError", extension.error_type or "")
        for name, process in self.processes.externals.items():
            if process.returncode is not None:
                words = describe_exit(process.returncode).replace("Runtime", f"Extension {name}")
                return Failure("error", "Extension.Crash", words)
        return None

    def _read_output(self) -> None:
        """Read what the runtime wrote before a call, so that it is told before the call's news."""
        runtime = self.processes.runtime
        if runtime is not None:
            runtime.reader.sync(SYNC_SECONDS)

    def _read_output_of(self, extension: Extension) -> None:
        if not extension.external:
            self._read_output()
            return
        process = self.processes.externals.get(extension.name)
        if process is not None:
            process.reader.sync(SYNC_SECONDS)
