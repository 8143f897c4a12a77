"""Invoke, freeze, reset and shutdown of one environment, step by step.

All steps run in one thread, the environment's supervisor; calls of runtime and extensions come in
on connection threads, move the states under `changed` and wake it. The steps follow "Understanding
the Lambda execution environment lifecycle" of the developer guide and, where that is silent,
`internal/lambda/rapid/handlers.go` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from . import records
from ._state import ExtensionState, Phase
from .initialization import Initialization, InitResult
from .memory import MemoryWatch
from .parts import OUT_OF_MEMORY, Failure, Parts
from .processes import EXTENSION, ShutdownResult

if TYPE_CHECKING:
    import threading

    from .budgets import Budgets
    from .extensions_api import Extension
    from .function import Function
    from .invocation import Invocation
    from .journal import Journal
    from .launcher import Launcher
    from .process import ManagedProcess
    from .sandbox import Sandbox


#: Most seconds that the snapshot waits for the telemetry of Init to be taken.
SNAPSHOT_SECONDS = 1.0
#: Seconds for the process's threads to come to rest before it is taken.
SETTLE_SECONDS = 0.05


class Lifecycle:
    """What the platform does with one environment; every public method is the supervisor's."""

    def __init__(
        self,
        function: Function,
        sandbox: Sandbox,
        budgets: Budgets,
        changed: threading.Condition,
        journal: Journal,
        *,
        launcher: Launcher,
        stdin: int | None = None,
        enforce_memory: bool = True,
    ) -> None:
        self.function = function
        self.budgets = budgets
        self.changed = changed
        self.journal = journal
        self.relay = journal.relay
        self.parts = Parts(
            function,
            sandbox,
            changed,
            journal,
            launcher=launcher,
            stdin=stdin,
            on_runtime=self._runtime_moved,
            on_extension=self._extension_moved,
            on_exit=self._process_ended,
        )
        # The state: guarded by `changed`, written by the supervisor only.
        self.phase = Phase.NEW
        self.frozen = False
        self._init: Initialization | None = None  # while one runs
        self._invocation: Invocation | None = None
        self._init_seconds: float | None = None  # told by the next report
        self._restore_seconds: float | None = None  # the same
        self.memory = MemoryWatch(
            self.parts.processes.leaders,
            self.parts.processes.strays,
            limit=function.memory_mb * 1024 * 1024 if enforce_memory else None,
            over=self._out_of_memory,
        )

    # ---- Init and invoke ------------------------------------------------------------------------

    def init(self) -> InitResult:
        """Do the first Init; a failed one ends the processes and is tried again by `invoke`."""
        with self.changed:
            self.phase = Phase.INIT
        result = self._run_init("init", time.monotonic() + self.budgets.init)
        if result.status == "success":
            self._init_seconds = result.seconds
            if self.parts.sandbox.takes_snapshots:
                self._init_seconds = None  # nobody's first invocation waits for it
                self._take_snapshot()
            else:
                with self.changed:
                    self.phase = Phase.IDLE
        else:
            self.reset("timeout" if result.status == "timeout" else "failure")
        return result

    def invoke(self, invocation: Invocation) -> None:
        """See one invocation through: init where needed, events, report, reset on failure."""
        self.thaw()
        if self.phase is Phase.NEW:
            self.init()
        if self.phase is Phase.SNAPSHOT:
            self._resume()
        with self.changed:
            suppressed = self.phase is Phase.BROKEN
            self.phase = Phase.INVOKE
            self._invocation = invocation
            invocation.begin()
        failure = None
        if suppressed:
            # "Suppressed init": part of the invocation and of its time.
            result = self._run_init("invoke", invocation.deadline_at)
            if result.status != "success":
                failure = Failure(
                    result.status, result.error_type or "", result.message, result.body
                )
            elif self.parts.sandbox.takes_snapshots:
                self._take_snapshot()
                failure = self._resume()
                with self.changed:
                    self.phase = Phase.INVOKE
        self.journal.request_id = invocation.request_id
        self.journal.note("platform", "invoke", invocation.request_id)
        self.relay.emit("platform.start", records.start(self.function, invocation))
        if failure is None:
            with self.memory.watching():
                self._offer_invoke(invocation)
                failure = self.parts.wait(self.parts.invoke_done, invocation.deadline_at)
        if failure is not None:
            self._fail(invocation, failure)
        self._report(invocation)
        if failure is not None:
            self.reset("timeout" if failure.status == "timeout" else "failure")
        self.journal.request_id = None
        with self.changed:
            self._invocation = None
            if failure is None:
                self.phase = Phase.IDLE
            self.changed.notify_all()

    def init_if_needed(self) -> InitResult | None:
        """Managed Instances: Init, where none has been done or the processes are gone."""
        return self.init() if self.phase in (Phase.NEW, Phase.BROKEN) else None

    # ---- SnapStart ------------------------------------------------------------------------------

    def restore(self) -> None:
        """Resume the snapshot once more: end what runs as a shutdown does, then start a copy."""
        if self.phase is Phase.NEW:
            self.init()
        if self.phase is Phase.IDLE:
            self._end_copy()
        if self.phase is not Phase.SNAPSHOT:
            raise RuntimeError(f"there is no snapshot to restore: the phase is {self.phase.value}")
        failure = self._resume()
        if failure is not None:
            self.reset("failure")
            raise RuntimeError(f"the restore failed: {failure.message}")

    def _take_snapshot(self) -> None:
        # What is told of Init belongs to it; from here on nothing may wake the process.
        self.relay.flush()
        give_up = time.monotonic() + SNAPSHOT_SECONDS
        while not self.relay.settled and time.monotonic() < give_up:
            time.sleep(0.005)
        time.sleep(SETTLE_SECONDS)
        self.relay.pause(paused=True)
        self.parts.processes.take_snapshot()
        with self.changed:
            self.phase = Phase.SNAPSHOT
            self.changed.notify_all()

    def _resume(self) -> Failure | None:
        """Start a copy of the snapshot and wait until it asks for its first event."""
        parts = self.parts
        started = time.monotonic()
        with self.changed:
            parts.slot.begin()
        self.relay.discard()
        version = parts.sandbox.python_version
        parts.sandbox.new_instance()
        self.relay.emit(
            "platform.restoreStart",
            records.restore_start(self.function, parts.sandbox.instance_id, f"python:{version}"),
        )
        parts.processes.resume_snapshot()
        # Not sooner: the snapshot's own threads may still have been reading, and every copy would
        # have what they read.
        self.relay.pause(paused=False)
        failure = parts.wait(parts.all_ready, started + self.budgets.restore)
        seconds = time.monotonic() - started
        status = "success" if failure is None else failure.status
        error_type = None if failure is None else failure.error_type
        self.relay.emit(
            "platform.restoreRuntimeDone", records.restore_runtime_done(status, error_type)
        )
        self.relay.emit(
            "platform.restoreReport", records.restore_report(status, error_type, seconds)
        )
        self._restore_seconds = seconds
        with self.changed:
            self.phase = Phase.IDLE if failure is None else Phase.RESET
        return failure

    def _end_copy(self) -> None:
        """SIGTERM and SIGKILL for the copy that runs; the snapshot and its registrations stay."""
        self.thaw()
        started = time.monotonic()
        with self.changed:
            self.phase = Phase.RESET
        _, share = self.budgets.shutdown(internal=bool(self.parts.registry.all()), external=False)
        self.journal.note("platform", "shutdown", "spindown of one restored environment")
        self.relay.flush()
        self.parts.processes.end_copy(started, share)
        self.relay.pause(paused=True)
        self.relay.discard()
        with self.changed:
            self.parts.slot.begin()
            self.phase = Phase.SNAPSHOT

    # ---- Steps of an invocation -----------------------------------------------------------------

    def _run_init(self, phase: str, give_up_at: float) -> InitResult:
        init = Initialization(self.parts, self.budgets, phase)
        with self.changed:
            self._init = init
        with self.memory.watching():
            result = init.run(give_up_at)
        with self.changed:
            self._init = None
        return result

    def _offer_invoke(self, invocation: Invocation) -> None:
        event = {
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": self.function.arn,
        }
        tracing = invocation.tracing()
        if tracing is not None:
            event["tracing"] = {name: tracing[name] for name in ("type", "value")}
        with self.changed:
            for extension in self.parts.registry.registered():
                if "INVOKE" in extension.events:
                    self.parts.registry.offer(extension, dict(event))
            self.parts.slot.offer(invocation)

    def _fail(self, invocation: Invocation, failure: Failure) -> None:
        """Answer the caller, if he has no answer yet, and tell telemetry."""
        timeout = failure.status == "timeout"
        status = "timeout" if timeout else "failure"
        if failure.error_type == OUT_OF_MEMORY:
            status = "error"
        error_type = None if timeout else failure.error_type
        with self.changed:
            runtime_done = invocation.runtime_done_at is not None
            invocation.status, invocation.error_type = status, error_type
        if not runtime_done:
            self.relay.emit(
                "platform.runtimeDone",
                records.runtime_done(invocation, status, error_type, time.monotonic()),
            )
        words = failure.message
        if timeout:
            words = f"Task timed out after {invocation.timeout:.2f} seconds"
        self.journal.note("platform", "timed out" if timeout else "invocation failed", words)
        text = f"RequestId: {invocation.request_id} Error: {words}"
        if failure.body:
            invocation.answer(failure.body, "Unhandled")
        else:
            invocation.fail(failure.error_type, text)
        self.relay.emit("platform.fault", text)

    def _report(self, invocation: Invocation) -> None:
        now = time.monotonic()
        self.relay.emit("platform.end", {"requestId": invocation.request_id})
        report = records.report(
            self.function,
            invocation,
            now=now,
            memory_bytes=self._most_memory(),
            init_seconds=self._init_seconds,
            restore_seconds=self._restore_seconds,
        )
        self._init_seconds = self._restore_seconds = None
        self.relay.emit("platform.report", report)
        metrics = report["metrics"]
        self.journal.note(
            "platform",
            "report",
            f"{invocation.status}, {metrics['durationMs']:.0f} ms, "
            f"billed {metrics['billedDurationMs']} ms, {metrics['maxMemoryUsedMB']} MB",
        )

    def _most_memory(self) -> int:
        """Return what was seen, or what the kernel remembers where that is more."""
        remembered = self.parts.processes.max_memory_bytes()
        return max(self.memory.peak, self.memory.capped(remembered))

    def _out_of_memory(self, leader: int) -> None:
        """More is held than the function has: end who holds most, as the kernel does."""
        for process in self.parts.processes.all():
            if process.pid == leader:
                self.journal.note("platform", "SIGKILL", f"to {process.name}, out of memory")
                with self.changed:
                    self.parts.out_of_memory = process is self.parts.processes.runtime
                process.kill()

    # ---- Freeze, reset, shutdown ----------------------------------------------------------------

    def freeze(self) -> None:
        """Stop all process groups, if runtime and extensions wait and nothing is to be done."""
        if self.phase is not Phase.IDLE or self.frozen:
            return
        self.relay.pause(paused=True)
        self.parts.processes.freeze()
        self.journal.note("platform", "frozen")
        with self.changed:
            self.frozen = True
            self.changed.notify_all()

    def thaw(self) -> None:
        """Let all process groups run on."""
        with self.changed:
            if not self.frozen:
                return
            self.frozen = False
        self.journal.note("platform", "thawed")
        self.parts.processes.thaw()
        self.relay.pause(paused=False)

    def reset(self, reason: str) -> None:
        """End all processes as a shutdown does; the next invocation starts anew, same /tmp."""
        with self.changed:
            self.phase = Phase.RESET
        self._end_processes("reset", reason)
        with self.changed:
            self.phase = Phase.BROKEN
            self.changed.notify_all()

    def shutdown(self, reason: str) -> ShutdownResult:
        """End all processes for good."""
        with self.changed:
            self.phase = Phase.SHUTDOWN
        result = self._end_processes("shutdown", reason)
        with self.changed:
            self.phase = Phase.CLOSED
            self.changed.notify_all()
        return result

    def broken_while_idle(self) -> bool:
        """Tell whether a process ended although nothing was asked of it; lock held."""
        if self.phase is not Phase.IDLE or self.parts.aborted:
            return False
        return self.parts.failure() is not None

    def _end_processes(self, what: str, reason: str) -> ShutdownResult:
        self.thaw()
        started = time.monotonic()
        processes = self.parts.processes
        with self.changed:
            extensions = self.parts.registry.all()
        total, share = self.budgets.shutdown(
            internal=any(not extension.external for extension in extensions),
            external=any(extension.external for extension in extensions),
        )
        self.journal.note("platform", what, f"{reason}, {total * 1000:.0f} ms")
        self.relay.flush()
        runtime_end = processes.end_runtime(started, share)
        processes.discard_snapshot()
        self.relay.flush()
        self._offer_shutdown(reason, extensions, started + total)
        extension_ends = processes.end_extensions(started, started + total)
        self.relay.clear()
        with self.changed:
            self.parts.registry.clear()
            self.parts.slot.begin()
            processes.dismiss()
            self.parts.out_of_memory = False
        self.memory.forget()
        return ShutdownResult(reason, runtime_end, extension_ends, time.monotonic() - started)

    def _offer_shutdown(self, reason: str, extensions: list[Extension], give_up_at: float) -> None:
        """Send SHUTDOWN to the external extensions that want it; the others are killed."""
        left = max(0.0, give_up_at - time.monotonic())
        event = {
            "eventType": "SHUTDOWN",
            "shutdownReason": reason,
            "deadlineMs": int((time.time() + left) * 1000),
        }
        for extension in extensions:
            process = self.parts.processes.externals.get(extension.name)
            if process is None or not process.alive:
                continue
            if "SHUTDOWN" in extension.events:
                with self.changed:
                    self.parts.registry.offer(extension, dict(event))
            else:
                process.kill()

    # ---- Called from connection and watcher threads ---------------------------------------------

    def _runtime_moved(self, call: str) -> None:
        """Note a call of the runtime; lock held."""
        now = time.monotonic()
        invocation = self._invocation
        self.journal.note("runtime", "gets event" if call == "event" else call)
        if call in ("next", "snapshot") and self._init is not None:
            self._init.runtime_ready()
        elif call == "next" and invocation is not None:
            invocation.runtime_done_at = now
            self.relay.emit(
                "platform.runtimeDone",
                records.runtime_done(invocation, invocation.status, invocation.error_type, now),
            )
        elif call in ("response", "error") and invocation is not None:
            took = (now - invocation.started_at) * 1000
            detail = f"{call}, {len(invocation.raw)} bytes after {took:.1f} ms"
            self.journal.note("caller", "answered", detail)

    def _extension_moved(self, extension: Extension, call: str) -> None:
        """Note a call of an extension; lock held."""
        detail = f"events {list(extension.events)}" if call == "register" else ""
        self.journal.note(f"{EXTENSION}{extension.name}", call, extension.error_type or detail)

    def _process_ended(self, process: ManagedProcess) -> None:
        """Note the end of a process."""
        code = process.returncode or 0
        words = f"status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        self.journal.note(process.name, "exit", words)
        with self.changed:
            name = process.name.removeprefix(EXTENSION)
            if self.parts.processes.externals.get(name) is process:
                extension = self.parts.registry.get(name)
                if extension is not None:
                    extension.state = ExtensionState.EXITED
            self.changed.notify_all()
        # An input stream has closed: the service's buffers flush early then.
        self.relay.flush()
