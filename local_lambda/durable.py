"""One durable execution: its operations, what is checkpointed of them, and what time does to them.

Shapes: the Lambda service model (CheckpointDurableExecution, GetDurableExecutionState and others);
the event as AWS's durable execution SDK reads it. All executions and how they are run:
`durable_executions`.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .function import Function

    #: Given the options and the event of a chained invocation, and whom to tell its outcome.
    Chain = Callable[[dict[str, Any], bytes, Callable[[str, str | dict[str, Any]], None]], None]

#: Which field of an operation holds what is particular to its type.
DETAILS = {
    "EXECUTION": "ExecutionDetails",
    "CONTEXT": "ContextDetails",
    "STEP": "StepDetails",
    "WAIT": "WaitDetails",
    "CALLBACK": "CallbackDetails",
    "CHAINED_INVOKE": "ChainedInvokeDetails",
}
DONE = {"SUCCEED": "SUCCEEDED", "FAIL": "FAILED", "CANCEL": "CANCELLED"}
#: Fields that hold a time: seconds since the epoch in the API, milliseconds in the event.
TIMES = ("StartTimestamp", "EndTimestamp", "NextAttemptTimestamp", "ScheduledEndTimestamp")


class DurableError(Exception):
    """An update that cannot be taken; the message says why."""


@dataclass
class _Callback:
    """An operation that somebody outside is to end; times are seconds since the epoch."""

    operation: dict[str, Any]
    ends_at: float | None
    heartbeat_seconds: float
    silent_at: float | None


class DurableExecution:
    """One execution: its operations by id, and the token that the next checkpoint must carry.

    `name`: the middle of the ARN, None makes one. `chain` is asked to invoke another function; it
    tells the outcome as the status and the result or error.
    """

    def __init__(self, function: Function, event: bytes, chain: Chain, name: str | None) -> None:
        # The last part of the ARN is the id of the operation that is the execution itself.
        own = str(uuid.uuid4())
        self.function = function
        self.name = name or str(uuid.uuid4())
        self.arn = f"{function.arn}:{function.version}/durable-execution/{self.name}/{own}"
        self.token = uuid.uuid4().hex
        self._chain = chain
        self._changed = threading.Condition()
        self._callbacks: dict[str, _Callback] = {}
        # Something was ended from outside since the handler was last given the state.
        self._news = False
        self.status = "RUNNING"
        first: dict[str, Any] = {
            "Id": own,
            "Type": "EXECUTION",
            "StartTimestamp": time.time(),
            "Status": "STARTED",
            "ExecutionDetails": {"InputPayload": event.decode("utf-8", "replace")},
        }
        self._operations: dict[str, dict[str, Any]] = {own: first}
        self._first = first

    def event(self) -> bytes:
        """Return what the handler is invoked with."""
        with self._changed:
            self._let_time_pass()
            self._news = False
            operations = [_in_milliseconds(each) for each in self._operations.values()]
        value = {
            "DurableExecutionArn": self.arn,
            "CheckpointToken": self.token,
            "InitialExecutionState": {"Operations": operations, "NextMarker": ""},
        }
        return json.dumps(value).encode()

    def checkpoint(self, token: str, updates: list[dict[str, Any]]) -> dict[str, Any]:
        """Take updates; return the answer of the API; raise `DurableError`."""
        with self._changed:
            if token != self.token:
                raise DurableError("Invalid Checkpoint Token")
            touched = [self._apply(update) for update in updates]
            self._let_time_pass()
            self.token = uuid.uuid4().hex
            return {
                "CheckpointToken": self.token,
                "NewExecutionState": {"Operations": touched, "NextMarker": ""},
            }

    def state(self) -> dict[str, Any]:
        """Return all operations, as the API does."""
        with self._changed:
            self._let_time_pass()
            return {"Operations": list(self._operations.values()), "NextMarker": ""}

    def outcome(self) -> dict[str, Any]:
        """Return what the execution itself was checkpointed to have ended with."""
        with self._changed:
            return dict(self._first.get("ExecutionDetails", {}))

    def describe(self) -> dict[str, Any]:
        """Return what GetDurableExecution answers."""
        with self._changed:
            details = self._first["ExecutionDetails"]
            found = {
                "DurableExecutionArn": self.arn,
                "DurableExecutionName": self.name,
                "FunctionArn": f"{self.function.arn}:{self.function.version}",
                "Version": self.function.version,
                "Status": self.status,
                "StartTimestamp": self._first["StartTimestamp"],
                "EndTimestamp": self._first.get("EndTimestamp"),
                "InputPayload": details["InputPayload"],
                "Result": details.get("Result"),
                "Error": details.get("Error"),
            }
        return {name: value for name, value in found.items() if value is not None}

    def wait_due(self) -> bool:
        """Wait until there is something to go on with; False when the execution was stopped."""
        with self._changed:
            while self.status == "RUNNING":
                self._let_time_pass()
                due = self._next_time()
                left = None if due is None else due - time.time()
                if self._news or (left is not None and left <= 0):
                    return True
                if due is None and not self._is_waiting():
                    return True
                self._changed.wait(left)
            return False

    def end(self, status: str, **outcome: Any) -> float:
        """Note how the execution ended, once; return when, as seconds since the epoch."""
        with self._changed:
            if self.status == "RUNNING":
                self.status = status
                self._first["EndTimestamp"] = time.time()
                self._first["ExecutionDetails"].update(outcome)
                self._changed.notify_all()
            ended: float = self._first["EndTimestamp"]
            return ended

    def has_callback(self, callback_id: str) -> bool:
        """Tell whether a callback is one of this execution's."""
        with self._changed:
            return callback_id in self._callbacks

    def answer_callback(self, callback_id: str, status: str, outcome: Any) -> None:
        """End a callback, or with the status STARTED note a heartbeat; raise `DurableError`."""
        with self._changed:
            self._let_time_pass()
            callback = self._callbacks[callback_id]
            if callback.operation["Status"] != "STARTED":
                raise DurableError(f"the callback has ended: {callback.operation['Status']}")
            if status != "STARTED":
                self._end_operation(callback.operation, status, outcome)
            elif callback.heartbeat_seconds:
                callback.silent_at = time.time() + callback.heartbeat_seconds
            self._changed.notify_all()

    def _end_operation(self, operation: dict[str, Any], status: str, outcome: Any) -> None:
        """End an operation from outside of the handler; lock held."""
        if operation["Status"] != "STARTED":
            return
        operation["Status"], operation["EndTimestamp"] = status, time.time()
        if outcome is not None:
            name = "Result" if status == "SUCCEEDED" else "Error"
            operation[DETAILS[operation["Type"]]][name] = outcome
        self._news = True
        self._changed.notify_all()

    def _is_waiting(self) -> bool:
        """Tell whether anything is to be ended from outside; lock held."""
        return any(
            each["Status"] == "STARTED" and each["Type"] in ("CALLBACK", "CHAINED_INVOKE")
            for each in self._operations.values()
        )

    def _next_time(self) -> float | None:
        """Return when a wait, a retry or a callback's patience is over; lock held."""
        times = [
            details[name]
            for each in self._operations.values()
            for details in (each.get("StepDetails", {}), each.get("WaitDetails", {}))
            for name in ("NextAttemptTimestamp", "ScheduledEndTimestamp")
            if name in details and each["Status"] in ("PENDING", "STARTED")
        ]
        for callback in self._callbacks.values():
            if callback.operation["Status"] == "STARTED":
                both = (callback.ends_at, callback.silent_at)
                times += [at for at in both if at is not None]
        return min(times, default=None)

    def _apply(self, update: dict[str, Any]) -> dict[str, Any]:
        kind, action = update["Type"], update["Action"]
        if kind not in DETAILS:
            raise DurableError(f"{kind}: the local Lambda has {', '.join(DETAILS)}")
        operation = self._first if kind == "EXECUTION" else self._operations.get(update["Id"])
        if operation is None:
            names = ("Id", "ParentId", "Name", "Type", "SubType")
            operation = {name: update[name] for name in names if update.get(name) is not None}
            operation["StartTimestamp"] = time.time()
            self._operations[update["Id"]] = operation
        details = operation.setdefault(DETAILS[kind], {})
        if action == "START":
            operation["Status"] = "STARTED"
            self._start(operation, details, update)
            return operation
        if action == "RETRY":
            operation["Status"] = "PENDING"
            seconds = update.get("StepOptions", {}).get("NextAttemptDelaySeconds", 0)
            details["NextAttemptTimestamp"] = time.time() + seconds
        else:
            operation["Status"] = DONE[action]
            operation["EndTimestamp"] = time.time()
        if update.get("Payload") is not None:
            details["Result"] = update["Payload"]
        if update.get("Error") is not None:
            details["Error"] = update["Error"]
        if update.get("ContextOptions"):
            details["ReplayChildren"] = update["ContextOptions"].get("ReplayChildren", False)
        return operation

    def _start(
        self, operation: dict[str, Any], details: dict[str, Any], update: dict[str, Any]
    ) -> None:
        """Begin what an operation is to do; lock held."""
        kind, now = update["Type"], time.time()
        if kind == "STEP":
            details["Attempt"] = details.get("Attempt", 0) + 1
            details.pop("NextAttemptTimestamp", None)
        elif kind == "WAIT":
            details["ScheduledEndTimestamp"] = now + _option(update, "WaitOptions", "WaitSeconds")
        elif kind == "CALLBACK":
            details["CallbackId"] = uuid.uuid4().hex
            patience = _option(update, "CallbackOptions", "TimeoutSeconds")
            heartbeat = _option(update, "CallbackOptions", "HeartbeatTimeoutSeconds")
            self._callbacks[details["CallbackId"]] = _Callback(
                operation,
                now + patience if patience else None,
                heartbeat,
                now + heartbeat if heartbeat else None,
            )
        elif kind == "CHAINED_INVOKE":

            def done(status: str, outcome: str | dict[str, Any]) -> None:
                with self._changed:
                    self._end_operation(operation, status, outcome)

            payload = (update.get("Payload") or "null").encode()
            self._chain(update.get("ChainedInvokeOptions") or {}, payload, done)

    def _let_time_pass(self) -> None:
        now = time.time()
        for callback in self._callbacks.values():
            for at, kind in ((callback.ends_at, "Timeout"), (callback.silent_at, "Heartbeat")):
                if at is not None and at <= now:
                    error = {"ErrorType": f"Callback.{kind}", "ErrorMessage": f"Callback {kind}"}
                    self._end_operation(callback.operation, "TIMED_OUT", error)
        for each in self._operations.values():
            wait, step = each.get("WaitDetails", {}), each.get("StepDetails", {})
            if each["Status"] == "STARTED" and wait.get("ScheduledEndTimestamp", now + 1) <= now:
                each["Status"], each["EndTimestamp"] = "SUCCEEDED", now
                self._news = True
            elif each["Status"] == "PENDING" and step.get("NextAttemptTimestamp", now + 1) <= now:
                each["Status"] = "READY"
                self._news = True


def _option(update: dict[str, Any], options: str, name: str) -> float:
    """Return a number of an update's options, 0 where it has none."""
    value: float = (update.get(options) or {}).get(name) or 0
    return value


def _in_milliseconds(operation: dict[str, Any]) -> dict[str, Any]:
    """Return an operation as the event carries it."""
    return {
        name: int(value * 1000)
        if name in TIMES
        else _in_milliseconds(value)
        if isinstance(value, dict) and name.endswith("Details")
        else value
        for name, value in operation.items()
    }
