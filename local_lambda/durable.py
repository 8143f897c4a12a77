"""Durable executions: operations that are checkpointed, and handlers that run from the top again.

Shapes: the Lambda service model (CheckpointDurableExecution, GetDurableExecutionState); the event
as AWS's durable execution SDK reads it. Steps, waits and contexts are there; callbacks and chained
invocations are refused.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .function import Function
    from .invocation import InvocationResult

    Invoked = tuple[InvocationResult, bytes | None]

SUPPORTED = ("EXECUTION", "CONTEXT", "STEP", "WAIT")
#: Which field of an operation holds what is particular to its type.
DETAILS = {
    "EXECUTION": "ExecutionDetails",
    "CONTEXT": "ContextDetails",
    "STEP": "StepDetails",
    "WAIT": "WaitDetails",
}
DONE = {"SUCCEED": "SUCCEEDED", "FAIL": "FAILED", "CANCEL": "CANCELLED"}
#: Fields that hold a time: seconds since the epoch in the API, milliseconds in the event.
TIMES = ("StartTimestamp", "EndTimestamp", "NextAttemptTimestamp", "ScheduledEndTimestamp")


class DurableError(Exception):
    """An update that cannot be taken; the message says why."""


class DurableExecution:
    """One execution: its operations by id, and the token that the next checkpoint must carry."""

    def __init__(self, function: Function, event: bytes) -> None:
        # The last part of the ARN is the id of the operation that is the execution itself.
        own = str(uuid.uuid4())
        self.arn = f"{function.arn}:{function.version}/durable-execution/{uuid.uuid4()}/{own}"
        self.token = uuid.uuid4().hex
        self._lock = threading.Lock()
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
        with self._lock:
            self._let_time_pass()
            operations = [_in_milliseconds(each) for each in self._operations.values()]
        value = {
            "DurableExecutionArn": self.arn,
            "CheckpointToken": self.token,
            "InitialExecutionState": {"Operations": operations, "NextMarker": ""},
        }
        return json.dumps(value).encode()

    def checkpoint(self, token: str, updates: list[dict[str, Any]]) -> dict[str, Any]:
        """Take updates; return the answer of the API; raise `DurableError`."""
        with self._lock:
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
        with self._lock:
            self._let_time_pass()
            return {"Operations": list(self._operations.values()), "NextMarker": ""}

    def outcome(self) -> dict[str, Any]:
        """Return what the execution itself was checkpointed to have ended with."""
        with self._lock:
            return dict(self._first.get("ExecutionDetails", {}))

    def due_in(self) -> float:
        """Return seconds until a wait or a retry is over, 0 when there is none."""
        with self._lock:
            times = [
                details[name]
                for each in self._operations.values()
                for details in (each.get("StepDetails", {}), each.get("WaitDetails", {}))
                for name in ("NextAttemptTimestamp", "ScheduledEndTimestamp")
                if name in details and each["Status"] in ("PENDING", "STARTED")
            ]
        return max(0.0, min(times) - time.time()) if times else 0.0

    def _apply(self, update: dict[str, Any]) -> dict[str, Any]:
        kind, action = update["Type"], update["Action"]
        if kind not in SUPPORTED:
            raise DurableError(f"{kind}: the local Lambda has {', '.join(SUPPORTED)} only")
        operation = self._first if kind == "EXECUTION" else self._operations.get(update["Id"])
        if operation is None:
            names = ("Id", "ParentId", "Name", "Type", "SubType")
            operation = {name: update[name] for name in names if update.get(name) is not None}
            operation["StartTimestamp"] = time.time()
            self._operations[update["Id"]] = operation
        details = operation.setdefault(DETAILS[kind], {})
        if action == "START":
            operation["Status"] = "STARTED"
            if kind == "STEP":
                details["Attempt"] = details.get("Attempt", 0) + 1
                details.pop("NextAttemptTimestamp", None)
            if kind == "WAIT":
                seconds = update.get("WaitOptions", {}).get("WaitSeconds", 0)
                details["ScheduledEndTimestamp"] = time.time() + seconds
        elif action == "RETRY":
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

    def _let_time_pass(self) -> None:
        now = time.time()
        for each in self._operations.values():
            wait, step = each.get("WaitDetails", {}), each.get("StepDetails", {})
            if each["Status"] == "STARTED" and wait.get("ScheduledEndTimestamp", now + 1) <= now:
                each["Status"], each["EndTimestamp"] = "SUCCEEDED", now
            elif each["Status"] == "PENDING" and step.get("NextAttemptTimestamp", now + 1) <= now:
                each["Status"] = "READY"


class DurableExecutions:
    """All executions of a service, by ARN."""

    def __init__(self) -> None:
        self._executions: dict[str, DurableExecution] = {}

    def get(self, arn: str) -> DurableExecution | None:
        """Return the execution of that ARN."""
        return self._executions.get(arn)

    def run(self, function: Function, event: bytes, invoke: Callable[[bytes], Invoked]) -> Invoked:
        """Invoke until the execution has ended; return the last result, as its caller gets it."""
        execution = DurableExecution(function, event)
        self._executions[execution.arn] = execution
        while True:
            result, log = invoke(execution.event())
            answer = result.payload if isinstance(result.payload, dict) else {}
            if result.function_error is not None or answer.get("Status") != "PENDING":
                return _ended(result, answer, execution.outcome()), log
            time.sleep(execution.due_in())


def _ended(
    result: InvocationResult, answer: dict[str, Any], outcome: dict[str, Any]
) -> InvocationResult:
    if result.function_error is not None:
        return result
    if answer.get("Status") == "FAILED":
        error = answer.get("Error") or outcome.get("Error") or {}
        kind, message = error.get("ErrorType"), error.get("ErrorMessage")
        value = {"errorType": kind, "errorMessage": message}
        return dataclasses.replace(
            result,
            raw=json.dumps(value).encode(),
            payload=value,
            function_error="Unhandled",
            error_type=kind,
            error_message=message,
        )
    text = answer.get("Result") or outcome.get("Result") or "null"
    try:
        payload = json.loads(text)
    except ValueError:
        payload = None
    return dataclasses.replace(result, raw=text.encode(), payload=payload)


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
