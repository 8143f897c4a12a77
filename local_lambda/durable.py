"""One durable execution: its state, its pauses and its end.

Shapes: the Lambda service model (CheckpointDurableExecution, GetDurableExecution and others); the
event as AWS's durable execution SDK reads it. What it is made of: `durable_operations`; all
executions and how they are run: `durable_executions`.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from .durable_history import EXECUTION_TIMEOUT_SECONDS, History, payload
from .durable_operations import DurableError, Operations

if TYPE_CHECKING:
    from collections.abc import Callable

    from .function import Function

    #: Given the options and the event of a chained invocation, and whom to tell its outcome.
    Chain = Callable[[dict[str, Any], bytes, Callable[[str, str | dict[str, Any]], None]], None]

#: What an execution is before it has ended.
ACTIVE = ("RUNNING", "PAUSING", "PAUSED")


class ConflictError(Exception):
    """What the state of an execution does not allow; the message says so."""


class DurableExecution:
    """One execution, and the token that the next checkpoint must carry; safe from any thread.

    `name`: the middle of the ARN, None makes one. `chain` is asked to invoke another function; it
    tells the outcome as the status and the result or error.
    """

    def __init__(self, function: Function, event: bytes, chain: Chain, name: str | None) -> None:
        # The last part of the ARN is the id of the operation that is the execution itself.
        own = str(uuid.uuid4())
        self.function = function
        self.name = name or str(uuid.uuid4())
        self.arn = f"{function.qualified_arn}/durable-execution/{self.name}/{own}"
        self.token = uuid.uuid4().hex
        self.status = "RUNNING"
        self._chain = chain
        self._changed = threading.Condition()
        self._invoked = False
        self._pause: dict[str, Any] = {}
        self._pause_token: str | None = None
        text = event.decode("utf-8", "replace")
        self._first: dict[str, Any] = {
            "Id": own,
            "Type": "EXECUTION",
            "StartTimestamp": round(time.time(), 3),  # clients keep no more digits
            "Status": "STARTED",
            "ExecutionDetails": {"InputPayload": text},
        }
        self._history = History()
        self._history.operation(
            self._first, "STARTED", Input=payload(text), ExecutionTimeout=EXECUTION_TIMEOUT_SECONDS
        )
        self._operations = Operations(self._first, self._history, self._chained)

    # ---- For the handler -------------------------------------------------------------------------

    def event(self) -> bytes:
        """Return what the handler is invoked with, now."""
        with self._changed:
            self._operations.let_time_pass()
            self._operations.news = False
            self._invoked = True
            operations = self._operations.of_event()
            token = self.token
        value = {
            "DurableExecutionArn": self.arn,
            "CheckpointToken": token,
            "InitialExecutionState": {"Operations": operations, "NextMarker": ""},
        }
        return json.dumps(value).encode()

    def checkpoint(self, token: str, updates: list[dict[str, Any]]) -> dict[str, Any]:
        """Take updates; return the answer of the API; raise `DurableError`."""
        with self._changed:
            if token != self.token:
                raise DurableError("Invalid Checkpoint Token")
            touched = [self._operations.apply(update) for update in updates]
            self._operations.let_time_pass()
            self.token = uuid.uuid4().hex
            return {
                "CheckpointToken": self.token,
                "NewExecutionState": {"Operations": touched, "NextMarker": ""},
            }

    def state(self) -> dict[str, Any]:
        """Return all operations, as the API does."""
        with self._changed:
            self._operations.let_time_pass()
            return {"Operations": self._operations.all(), "NextMarker": ""}

    def _chained(self, operation: dict[str, Any], options: dict[str, Any], event: bytes) -> None:
        def done(status: str, outcome: str | dict[str, Any]) -> None:
            with self._changed:
                self._operations.end(operation, status, outcome)
                self._changed.notify_all()

        self._chain(options, event, done)

    # ---- For who runs it -------------------------------------------------------------------------

    def completed(self, request_id: str, started: float, error: dict[str, Any] | None) -> None:
        """Note the end of an invocation, with its error, that began at `started` (epoch)."""
        details = {"StartTimestamp": started, "EndTimestamp": time.time(), "RequestId": request_id}
        if error is not None:
            details["Error"] = payload(error)
        with self._changed:
            self._invoked = False
            self._history.note("InvocationCompleted", details)
            if self.status == "PAUSING":
                self._be_paused()

    def wait_due(self) -> bool:
        """Wait until there is something to go on with; False when the execution was stopped."""
        with self._changed:
            while self.status in ACTIVE:
                if self.status == "PAUSED":
                    self._changed.wait()
                    continue
                self._operations.let_time_pass()
                due = self._operations.next_time()
                left = None if due is None else due - time.time()
                if self._operations.news or (left is not None and left <= 0):
                    return True
                if due is None and not self._operations.waiting():
                    return True
                self._changed.wait(left)
            return False

    def end(self, status: str, **outcome: Any) -> float:
        """Note how the execution ended, once; return when, as seconds since the epoch."""
        with self._changed:
            if self.status in ACTIVE:
                self.status, self._pause = status, {}
                self._first["EndTimestamp"] = time.time()
                self._first["ExecutionDetails"].update(outcome)
                self._history.operation(self._first, status)
                self._changed.notify_all()
            ended: float = self._first["EndTimestamp"]
            return ended

    def outcome(self) -> dict[str, Any]:
        """Return what the execution itself was checkpointed to have ended with."""
        with self._changed:
            return dict(self._first["ExecutionDetails"])

    # ---- For others ------------------------------------------------------------------------------

    def has_callback(self, callback_id: str) -> bool:
        """Tell whether a callback is one of this execution's."""
        with self._changed:
            return self._operations.has_callback(callback_id)

    def answer_callback(self, callback_id: str, status: str, outcome: Any) -> None:
        """End a callback, or with the status STARTED note a heartbeat; raise `DurableError`."""
        with self._changed:
            self._operations.let_time_pass()
            self._operations.answer_callback(callback_id, status, outcome)
            self._changed.notify_all()

    def summary(self) -> dict[str, Any]:
        """Return what ListDurableExecutionsByFunction tells of it."""
        with self._changed:
            found = {
                "DurableExecutionArn": self.arn,
                "DurableExecutionName": self.name,
                "FunctionArn": self.function.qualified_arn,
                "Status": self.status,
                "StartTimestamp": self._first["StartTimestamp"],
            }
            if self.status not in ACTIVE:
                found["EndTimestamp"] = self._first["EndTimestamp"]
        return found

    def describe(self, *, data: bool) -> dict[str, Any]:
        """Return what GetDurableExecution answers; without `data` no payloads."""
        with self._changed:
            found = {
                **self.summary(),
                "Version": self.function.version,
                "ExecutionDataIncluded": data,
            }
            if data:
                found |= self._first["ExecutionDetails"]
            if self._pause:
                found["PauseDetails"] = dict(self._pause)
        return found

    def history(self, *, data: bool) -> list[dict[str, Any]]:
        """Return what has happened, oldest first; without `data` no payloads."""
        with self._changed:
            self._operations.let_time_pass()
            return self._history.events(data=data)

    def pause(self, reason: str | None, token: str | None, *, timeout_paused: bool) -> None:
        """Have no more invocations; one that runs goes on to its end. Raises `ConflictError`."""
        with self._changed:
            if self._pause and token is not None and token == self._pause_token:
                return  # the same request once more
            if self.status != "RUNNING":
                raise ConflictError(f"the execution cannot be paused: {self.status}")
            self._pause_token = token
            self._pause = {
                "PauseRequestTimestamp": time.time(),
                "ExecutionTimeoutPaused": timeout_paused,
            }
            if reason is not None:
                self._pause["Reason"] = reason
            if self._invoked:
                self.status = "PAUSING"
            else:
                self._be_paused()

    def resume(self, reason: str | None) -> None:
        """Go on, or do not pause after all; raise `ConflictError`."""
        with self._changed:
            if not self._pause:
                raise ConflictError(f"the execution is not paused: {self.status}")
            if self.status == "PAUSED":
                told: dict[str, Any] = {"ResumeRequestTimestamp": time.time()}
                if reason is not None:
                    told["Reason"] = payload(reason)
                self._history.note("ExecutionResumed", told)
            self.status, self._pause = "RUNNING", {}
            self._changed.notify_all()

    def _be_paused(self) -> None:
        """Nothing is invoked any more; lock held."""
        self.status = "PAUSED"
        reason = self._pause.get("Reason")
        told = self._pause if reason is None else {**self._pause, "Reason": payload(reason)}
        self._history.note("ExecutionPaused", told)
        self._changed.notify_all()
