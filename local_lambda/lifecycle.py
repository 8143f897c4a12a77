"""Init, invoke, freeze, reset and shutdown of one environment, step by step.

All steps run in one thread, the environment's supervisor; calls of runtime and extensions come in
on connection threads, move the states under `changed` and wake it. The steps follow "Understanding
the Lambda execution environment lifecycle" of the developer guide and, where that is silent,
`internal/lambda/rapid/handlers.go` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import records
from ._state import ExtensionState, Phase, RuntimeState
from .budgets import Budgets
from .extensions_api import Extension, Registry
from .function import Function
from .invocation import Invocation
from .journal import Journal
from .process import LaunchError, ManagedProcess, ProcessEnd, describe_exit
from .runtime_api import RuntimeSlot
from .sandbox import Sandbox

#: A writer that never pauses must not hold up the platform.
SYNC_SECONDS = 0.1


@dataclass(frozen=True)
class InitResult:
    """How an Init went.

    `status` is success, error or timeout, `phase` init or invoke, `seconds` its duration; on
    failure `error_type` and `body` (what a caller would get) say why.
    """

    status: str
    phase: str
    seconds: float
    error_type: str | None = None
    body: bytes = b""


@dataclass(frozen=True)
class ShutdownResult:
    """How the processes ended; `runtime` is None when none was running, `seconds` the whole."""

    reason: str
    runtime: ProcessEnd | None
    extensions: tuple[ProcessEnd, ...]
    seconds: float


@dataclass(frozen=True)
class _Failure:
    """Why an init or invocation cannot go on."""

    status: str
    error_type: str
    message: str
    body: bytes = b""


class Lifecycle:
    """The processes of one environment and the platform's dealings with them."""

    def __init__(
        self,
        function: Function,
        sandbox: Sandbox,
        budgets: Budgets,
        changed: threading.Condition,
        journal: Journal,
    ) -> None:
        self.function = function
        self.sandbox = sandbox
        self.budgets = budgets
        self.changed = changed
        self.journal = journal
        self.relay = journal.relay
        self.registry = Registry(
            changed,
            {
                "functionName": function.name,
                "functionVersion": function.version,
                "handler": function.handler,
            },
            account_id=function.account_id,
            on_move=self._extension_moved,
            before_next=self._read_output_of,
        )
        self.slot = RuntimeSlot(
            changed,
            function.arn,
            snap_start=function.initialization_type == "snap-start",
            on_move=self._runtime_moved,
            before_next=self._read_output,
        )
        # The state: guarded by `changed`, changed by the supervisor only, except `aborted`.
        self.phase = Phase.NEW
        self.aborted = False
        self.frozen = False
        self.runtime: ManagedProcess | None = None
        self.externals: dict[str, ManagedProcess] = {}
        self.invocation: Invocation | None = None
        self._init_phase: str | None = None  # during an Init only
        self._init_seconds: float | None = None  # told by the next report
        self._memory_bytes = 0
        self.runtime_api = ""

    # ---- Init -----------------------------------------------------------------------------------

    def init(self, phase: str, give_up_at: float) -> InitResult:
        """Start extensions and runtime and wait until all have asked for next."""
        started = time.monotonic()
        extensions = self.sandbox.external_extensions()
        with self.changed:
            if phase == "init":
                self.phase = Phase.INIT
            self._init_phase = phase
            self.registry.begin(path.name for path in extensions)
            self.slot.begin()
            self.relay.open_subscriptions()
        self.journal.note("platform", "init start", f"phase {phase}")
        runtime = f"python:{self.sandbox.python_version}"
        self.relay.emit(
            "platform.initStart",
            records.init_start(self.function, phase, self.sandbox.log_stream, runtime),
        )
        failure = self._start_extensions(extensions, give_up_at) or self._start_runtime(give_up_at)
        seconds = time.monotonic() - started
        result = self._finish_init(phase, failure, seconds)
        self.journal.note(
            "platform",
            "init done" if failure is None else "init failed",
            f"{seconds * 1000:.0f} ms" + ("" if failure is None else f", {failure.message}"),
        )
        return result

    def _start_extensions(self, paths: list[Path], give_up_at: float) -> _Failure | None:
        environment = self.sandbox.extension_environment(self.runtime_api)
        for path in paths:
            try:
                process = ManagedProcess(
                    f"extension:{path.name}",
                    [str(path)],
                    environment,
                    self.sandbox.root,
                    on_log=self.journal.extension_log,
                    on_exit=self._process_ended,
                )
            except LaunchError as error:
                with self.changed:
                    extension = self.registry.get(path.name)
                    if extension is not None:
                        extension.state = ExtensionState.LAUNCH_ERROR
                        extension.error_type = "Extension.LaunchError"
                return _Failure("error", "Extension.LaunchError", str(error))
            self.externals[path.name] = process
            self.journal.note(process.name, "started", f"pid {process.pid}")
        return self._wait(
            lambda: all(extension.registered for extension in self.registry.all()), give_up_at
        )

    def _start_runtime(self, give_up_at: float) -> _Failure | None:
        try:
            self.runtime = ManagedProcess(
                "runtime",
                self.sandbox.runtime_argv(),
                self.sandbox.environment(self.runtime_api),
                self.sandbox.task,
                on_log=self.journal.function_log,
                on_exit=self._process_ended,
                framed=self.function.framed_log_fd,
            )
        except LaunchError as error:
            return _Failure("error", "Runtime.InvalidEntrypoint", str(error))
        self.journal.note("runtime", "started", f"pid {self.runtime.pid}")
        failure = self._wait(self._all_ready, give_up_at)
        if failure is not None and self.slot.state is RuntimeState.INIT_ERROR:
            # It exits by itself next; what it writes and sends until then belongs to it.
            self.runtime.wait(self.budgets.init_error_ms / 1000)
        return failure

    def _finish_init(self, phase: str, failure: _Failure | None, seconds: float) -> InitResult:
        status = "success" if failure is None else failure.status
        error_type = None if failure is None else failure.error_type
        with self.changed:
            runtime_done = self.slot.state is RuntimeState.READY
            self._init_phase = None
            extensions = self.registry.all()
        if not runtime_done:
            self.relay.emit(
                "platform.initRuntimeDone",
                records.init_runtime_done(self.function, phase, status, error_type),
            )
        for extension in extensions:
            record = {
                "name": extension.name,
                "state": extension.state.value,
                "events": list(extension.events),
            }
            if extension.error_type:
                record["errorType"] = extension.error_type
            self.relay.emit("platform.extension", record)
        self.relay.emit(
            "platform.initReport",
            records.init_report(self.function, phase, status, error_type, seconds),
        )
        self.relay.close_subscriptions()
        self._init_seconds = seconds if phase == "init" and failure is None else None
        if self.runtime is not None:
            self._memory_bytes = self.runtime.max_memory_bytes() or 0
        with self.changed:
            if failure is None and phase == "init":
                self.phase = Phase.IDLE
        if failure is None:
            return InitResult(status, phase, seconds)
        return InitResult(status, phase, seconds, error_type, failure.body)

    # ---- Invoke ---------------------------------------------------------------------------------

    def invoke(self, invocation: Invocation) -> None:
        """See one invocation through: init where needed, events, report, reset on failure."""
        self.thaw()
        if self.phase is Phase.NEW:
            result = self.init("init", time.monotonic() + self.budgets.init)
            if result.status != "success":
                self.reset("failure" if result.status == "error" else "timeout")
        with self.changed:
            suppressed = self.phase is Phase.BROKEN
            self.phase = Phase.INVOKE
            self.invocation = invocation
            invocation.begin()
        failure = None
        if suppressed:
            result = self.init("invoke", invocation.deadline_at)
            if result.status != "success":
                failure = _Failure(
                    result.status, result.error_type or "", result.error_type or "", result.body
                )
        self._tell_start(invocation)
        if failure is None:
            self._offer(invocation)
            failure = self._wait(self._all_ready, invocation.deadline_at)
        self._finish_invoke(invocation, failure)

    def _tell_start(self, invocation: Invocation) -> None:
        self.journal.request_id = invocation.request_id
        self.journal.note("platform", "invoke", invocation.request_id)
        self.relay.emit("platform.start", records.start(self.function, invocation))

    def _offer(self, invocation: Invocation) -> None:
        event = {
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": self.function.arn,
        }
        tracing = invocation.tracing()
        if tracing is not None:
            event["tracing"] = tracing
        with self.changed:
            for extension in self.registry.registered():
                if "INVOKE" in extension.events:
                    self.registry.offer(extension, dict(event))
            self.slot.offer(invocation)

    def _finish_invoke(self, invocation: Invocation, failure: _Failure | None) -> None:
        if failure is not None:
            self._fail_invocation(invocation, failure)
        if self.runtime is not None:
            self._memory_bytes = self.runtime.max_memory_bytes() or self._memory_bytes
        now = time.monotonic()
        self.relay.emit("platform.end", {"requestId": invocation.request_id})
        report = records.report(
            self.function,
            invocation,
            now=now,
            memory_bytes=self._memory_bytes,
            init_seconds=self._init_seconds,
        )
        self._init_seconds = None
        self.relay.emit("platform.report", report)
        metrics = report["metrics"]
        self.journal.note(
            "platform",
            "report",
            f"{invocation.status}, {metrics['durationMs']:.0f} ms, "
            f"billed {metrics['billedDurationMs']} ms, {metrics['maxMemoryUsedMB']} MB",
        )
        if failure is not None:
            self.reset("timeout" if failure.status == "timeout" else "failure")
        self.journal.request_id = None
        with self.changed:
            self.invocation = None
            self.phase = Phase.IDLE if failure is None else Phase.BROKEN
            self.changed.notify_all()
        invocation.finished.set()

    def _fail_invocation(self, invocation: Invocation, failure: _Failure) -> None:
        status = "failure" if failure.status == "error" else failure.status
        error_type = None if status == "timeout" else failure.error_type
        with self.changed:
            done = invocation.runtime_done_at is not None
            if not (done and invocation.status == "error"):
                invocation.status, invocation.error_type = status, error_type
        if not done:
            self.relay.emit(
                "platform.runtimeDone",
                records.runtime_done(invocation, status, error_type, time.monotonic()),
            )
        if status == "timeout":
            words = f"Task timed out after {invocation.timeout:.2f} seconds"
            text = f"RequestId: {invocation.request_id} Error: {words}"
            self.journal.note("platform", "timed out", words)
            invocation.fail("Sandbox.Timedout", text)
        elif failure.body:
            text = f"RequestId: {invocation.request_id} Error: {failure.message}"
            invocation.answer(failure.body, "Unhandled")
        else:
            text = f"RequestId: {invocation.request_id} Error: {failure.message}"
            self.journal.note("platform", "invocation failed", failure.message)
            invocation.fail(failure.error_type, text)
        self.relay.emit("platform.fault", text, text=text)

    # ---- Freeze, reset, shutdown ----------------------------------------------------------------

    def freeze(self) -> bool:
        """Stop all process groups; False when there is nothing to stop."""
        with self.changed:
            if self.phase is not Phase.IDLE or self.frozen:
                return False
            self.frozen = True
        self.relay.pause(True)
        for process in self.processes():
            process.freeze()
        self.journal.note("platform", "frozen")
        with self.changed:
            self.changed.notify_all()
        return True

    def thaw(self) -> None:
        """Let all process groups run on."""
        with self.changed:
            if not self.frozen:
                return
            self.frozen = False
        self.journal.note("platform", "thawed")
        for process in self.processes():
            process.thaw()
        self.relay.pause(False)

    def reset(self, reason: str) -> ShutdownResult:
        """End all processes as a shutdown does; the next invocation starts anew, same /tmp."""
        with self.changed:
            self.phase = Phase.RESET
        result = self._end_processes(reason)
        with self.changed:
            self.phase = Phase.BROKEN
            self.changed.notify_all()
        return result

    def shutdown(self, reason: str) -> ShutdownResult:
        """End all processes for good."""
        with self.changed:
            self.phase = Phase.SHUTDOWN
        result = self._end_processes(reason)
        with self.changed:
            self.phase = Phase.CLOSED
            self.changed.notify_all()
        return result

    def processes(self) -> list[ManagedProcess]:
        """Return the runtime, if there is one, and the external extensions."""
        return ([self.runtime] if self.runtime else []) + list(self.externals.values())

    def kill_all(self) -> None:
        """Kill whatever runs, at once; for the end of the interpreter."""
        for process in self.processes():
            process.kill()

    def broken_while_idle(self) -> bool:
        """Tell whether a process ended although nothing was asked of it; lock held."""
        return self.phase is Phase.IDLE and self._broken() is not None

    def _end_processes(self, reason: str) -> ShutdownResult:
        self.thaw()
        started = time.monotonic()
        with self.changed:
            extensions = self.registry.all()
            total, share = self.budgets.shutdown(
                internal=any(not e.external for e in extensions),
                external=any(e.external for e in extensions),
            )
        self.journal.note("platform", "shutdown", f"{reason}, {total * 1000:.0f} ms")
        self.relay.flush()
        runtime_end = self._end_runtime(started, share)
        self.relay.flush()
        ends = self._end_externals(reason, extensions, started, total)
        self.relay.clear()
        with self.changed:
            self.registry.clear()
            self.slot.begin()
            self.runtime = None
            self.externals = {}
        return ShutdownResult(reason, runtime_end, ends, time.monotonic() - started)

    def _end_runtime(self, started: float, share: float) -> ProcessEnd | None:
        runtime = self.runtime
        if runtime is None:
            return None
        if runtime.alive and share > 0:
            self.journal.note("platform", "SIGTERM", f"to runtime, {share * 1000:.0f} ms")
            runtime.signal(signal.SIGTERM)
            runtime.wait(started + share - time.monotonic())
        if runtime.alive:
            self.journal.note("platform", "SIGKILL", "to runtime")
        runtime.close()
        return runtime.end(started)

    def _end_externals(
        self, reason: str, extensions: list[Extension], started: float, total: float
    ) -> tuple[ProcessEnd, ...]:
        left = max(0.0, started + total - time.monotonic())
        event = {
            "eventType": "SHUTDOWN",
            "shutdownReason": reason,
            "deadlineMs": int((time.time() + left) * 1000),
        }
        known = {e.name: e for e in extensions}
        for name, process in self.externals.items():
            extension = known.get(name)
            if not process.alive:
                continue
            if extension is not None and "SHUTDOWN" in extension.events:
                with self.changed:
                    self.registry.offer(extension, dict(event))
            else:
                process.kill()
        ends = []
        for process in self.externals.values():
            process.wait(started + total - time.monotonic())
            if process.alive:
                self.journal.note("platform", "SIGKILL", f"to {process.name}")
            process.close()
            ends.append(process.end(started))
        return tuple(ends)

    # ---- Waiting --------------------------------------------------------------------------------

    def _wait(self, ready: Callable[[], bool], give_up_at: float) -> _Failure | None:
        """Wait until `ready`, a failure, or the time is up; return the failure."""
        with self.changed:
            while True:
                failure = self._broken()
                if failure is not None:
                    return failure
                if ready():
                    return None
                left = give_up_at - time.monotonic()
                if left <= 0:
                    return _Failure("timeout", "Sandbox.Timedout", "timed out")
                self.changed.wait(left)

    def _all_ready(self) -> bool:
        return self.slot.state is RuntimeState.READY and all(
            extension.state is ExtensionState.READY
            for extension in self.registry.registered()
            if self._init_phase is not None or "INVOKE" in extension.events
        )

    def _broken(self) -> _Failure | None:
        """Return what keeps the environment from going on; lock held."""
        if self.aborted:
            return _Failure("error", "Sandbox.Terminated", "the environment was shut down")
        if self.slot.state is RuntimeState.INIT_ERROR:
            return _Failure(
                "error",
                self.slot.init_error_type or "Runtime.Unknown",
                self.slot.init_error_type,
                self.slot.init_error or b"{}",
            )
        if self.runtime is not None and self.runtime.returncode is not None:
            words = describe_exit(self.runtime.returncode)
            return _Failure("error", "Runtime.ExitError", words)
        for extension in self.registry.all():
            if extension.state is ExtensionState.INIT_ERROR:
                return _Failure("error", "Extension.InitError", extension.error_type or "")
            if extension.state is ExtensionState.EXIT_ERROR:
                return _Failure("error", "Extension.ExitError", extension.error_type or "")
        for name, process in self.externals.items():
            if process.returncode is not None:
                words = describe_exit(process.returncode).replace("Runtime", f"Extension {name}")
                return _Failure("error", "Extension.Crash", words)
        return None

    # ---- Called from connection and watcher threads ---------------------------------------------

    def _runtime_moved(self, call: str) -> None:
        """Note a call of the runtime; lock held."""
        now = time.monotonic()
        invocation = self.invocation
        if call == "next" and self._init_phase is not None:
            self.registry.close_registration()
            self.relay.emit(
                "platform.initRuntimeDone",
                records.init_runtime_done(self.function, self._init_phase, "success", None),
            )
        elif call == "next" and invocation is not None:
            invocation.runtime_done_at = now
            self.relay.emit(
                "platform.runtimeDone",
                records.runtime_done(invocation, invocation.status, invocation.error_type, now),
            )
        if call in ("response", "error"):
            assert invocation is not None
            after = (now - invocation.started_at) * 1000
            self.journal.note("runtime", call, f"{len(invocation.raw)} bytes after {after:.1f} ms")
            self.journal.note("caller", "answered", f"function {call}")
        else:
            self.journal.note("runtime", "gets event" if call == "event" else call)

    def _extension_moved(self, extension: Extension, call: str) -> None:
        """Note a call of an extension; lock held."""
        detail = f"events {list(extension.events)}" if call == "register" else ""
        detail = extension.error_type or detail
        self.journal.note(f"extension:{extension.name}", call, detail)

    def _read_output(self) -> None:
        """Read what the runtime wrote before its call, so that it is told before the call's news."""
        if self.runtime is not None:
            self.runtime.reader.sync(SYNC_SECONDS)

    def _read_output_of(self, extension: Extension) -> None:
        process = self.externals.get(extension.name) if extension.external else self.runtime
        if process is not None:
            process.reader.sync(SYNC_SECONDS)

    def _process_ended(self, process: ManagedProcess) -> None:
        """Note the end of a process; called once, by its watcher."""
        self.journal.note(
            process.name,
            "exit",
            f"status {process.returncode}"
            if (process.returncode or 0) >= 0
            else f"signal {signal.Signals(-(process.returncode or 0)).name}",
        )
        with self.changed:
            name = process.name.removeprefix("extension:")
            extension = self.registry.get(name) if name != process.name else None
            if extension is not None and self.externals.get(name) is process:
                extension.state = ExtensionState.EXITED
            self.changed.notify_all()
        # An input stream has closed: the service's buffers flush early then.
        self.relay.flush()
