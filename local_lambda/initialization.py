"""One Init: start extensions and runtime, wait until all of them have asked for an event."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import records
from ._state import ExtensionState, RuntimeState
from .launcher import LaunchError
from .parts import Failure, Parts

if TYPE_CHECKING:
    from pathlib import Path

    from .budgets import Budgets


@dataclass(frozen=True)
class InitResult:
    """How an Init went.

    `status` is success, error or timeout, `phase` init or invoke, `seconds` its duration; on
    failure `error_type`, `message` and `body` (what the runtime reported, if it did) say why.
    """

    status: str
    phase: str
    seconds: float
    error_type: str | None = None
    message: str = ""
    body: bytes = b""


class Initialization:
    """Run one Init of `phase`: "init", or "invoke" where it is part of an invocation.

    The order is the service's: extension init, runtime init, function init; it ends when the
    runtime and every registered extension have asked for next (developer guide, execution
    environment lifecycle).
    """

    def __init__(self, parts: Parts, budgets: Budgets, phase: str) -> None:
        self._parts = parts
        self._budgets = budgets
        self.phase = phase

    def run(self, give_up_at: float) -> InitResult:
        """Run it, at most until `give_up_at` (monotonic)."""
        parts = self._parts
        started = time.monotonic()
        extensions = parts.sandbox.external_extensions()
        with parts.changed:
            parts.registry.begin(path.name for path in extensions)
            parts.slot.begin()
            parts.relay.open_subscriptions()
        parts.journal.note("platform", "init start", f"phase {self.phase}")
        version = parts.sandbox.python_version
        parts.relay.emit(
            "platform.initStart",
            records.init_start(
                parts.function,
                self.phase,
                parts.sandbox.instance_id,
                f"python:{version}" if version else "provided",
            ),
        )
        failure = self._start_extensions(extensions, give_up_at) or self._start_runtime(give_up_at)
        seconds = time.monotonic() - started
        return self._finish(failure, seconds)

    def runtime_ready(self) -> None:
        """The runtime has asked for its first event, or is ready for a snapshot; lock held."""
        self._parts.registry.close_registration()
        self._tell_runtime_done("success", None)

    def _start_extensions(self, paths: list[Path], give_up_at: float) -> Failure | None:
        parts = self._parts
        for path in paths:
            try:
                parts.processes.start_extension(path, parts.runtime_api)
            except LaunchError as error:
                with parts.changed:
                    extension = parts.registry.get(path.name)
                    if extension is not None:
                        extension.state = ExtensionState.LAUNCH_ERROR
                        extension.error_type = "Extension.LaunchError"
                return Failure("error", "Extension.LaunchError", str(error))
        return parts.wait(lambda: all(e.registered for e in parts.registry.all()), give_up_at)

    def _start_runtime(self, give_up_at: float) -> Failure | None:
        parts = self._parts
        try:
            snapshot = parts.slot.ready_for_snapshot if parts.sandbox.takes_snapshots else None
            runtime = parts.processes.start_runtime(parts.runtime_api, snapshot)
        except LaunchError as error:
            return Failure("error", "Runtime.InvalidEntrypoint", str(error))
        ready = parts.all_ready if snapshot is None else parts.snapshot_ready
        failure = parts.wait(ready, give_up_at)
        if failure is not None and parts.slot.state is RuntimeState.INIT_ERROR:
            # It exits by itself next; what it writes and sends until then belongs to it.
            runtime.wait(self._budgets.init_error_ms / 1000)
        return failure

    def _finish(self, failure: Failure | None, seconds: float) -> InitResult:
        parts = self._parts
        status = "success" if failure is None else failure.status
        error_type = None if failure is None else failure.error_type
        with parts.changed:
            runtime_done = parts.runtime_ready() or parts.slot.snapshot_ready
            extensions = parts.registry.all()
        if not runtime_done:
            self._tell_runtime_done(status, error_type)
        for extension in extensions:
            record = {
                "name": extension.name,
                "state": extension.state.value,
                "events": list(extension.events),
            }
            if extension.error_type:
                record["errorType"] = extension.error_type
            parts.relay.emit("platform.extension", record)
        parts.relay.emit(
            "platform.initReport",
            records.init_report(parts.function, self.phase, status, error_type, seconds),
        )
        parts.relay.close_subscriptions()
        took = f"{seconds * 1000:.0f} ms"
        if failure is None:
            parts.journal.note("platform", "init done", took)
            return InitResult(status, self.phase, seconds)
        parts.journal.note("platform", "init failed", f"{took}, {failure.message}")
        return InitResult(status, self.phase, seconds, error_type, failure.message, failure.body)

    def _tell_runtime_done(self, status: str, error_type: str | None) -> None:
        parts = self._parts
        parts.relay.emit(
            "platform.initRuntimeDone",
            records.init_runtime_done(parts.function, self.phase, status, error_type),
        )
