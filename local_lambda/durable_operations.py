"""The operations of one durable execution: what is checkpointed, and what time does to them.

Shapes: `OperationUpdate` and `Operation` in the Lambda service model, 2025-12-01. Not locked, says
nothing to anybody: the execution does.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .durable_history import DETAILS, payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from .durable_history import History

    #: Given the operation, the options and the event of a chained invocation.
    Chain = Callable[[dict[str, Any], dict[str, Any], bytes], None]

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


class Operations:
    """Operations by id; `first` is the execution itself. `chain` invokes another function.

    `news`: something was ended from outside of the handler since this was last set to False.
    """

    def __init__(self, first: dict[str, Any], history: History, chain: Chain) -> None:
        self._first = first
        self._history = history
        self._chain = chain
        self._operations = {first["Id"]: first}
        self._callbacks: dict[str, _Callback] = {}
        self.news = False

    def all(self) -> list[dict[str, Any]]:
        """Return them as the API does."""
        return list(self._operations.values())

    def of_event(self) -> list[dict[str, Any]]:
        """Return them as the event carries them."""
        return [_in_milliseconds(each) for each in self._operations.values()]

    def waiting(self) -> bool:
        """Tell whether anything is to be ended from outside."""
        return any(
            each["Status"] == "STARTED" and each["Type"] in ("CALLBACK", "CHAINED_INVOKE")
            for each in self._operations.values()
        )

    def next_time(self) -> float | None:
        """Return when a wait, a retry or a callback's patience is over, seconds since the epoch."""
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

    def apply(self, update: dict[str, Any]) -> dict[str, Any]:
        """Take an update; return the operation; raise `DurableError`."""
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
        if update.get("Payload") is not None:
            details["Result"] = update["Payload"]
        if update.get("Error") is not None:
            details["Error"] = update["Error"]
        if update.get("ContextOptions"):
            details["ReplayChildren"] = update["ContextOptions"].get("ReplayChildren", False)
        if action == "RETRY":
            seconds = _option(update, "StepOptions", "NextAttemptDelaySeconds")
            operation["Status"] = "PENDING"
            details["NextAttemptTimestamp"] = time.time() + seconds
            later = {"NextAttemptDelaySeconds": int(seconds)}
            self._history.operation(operation, "FAILED", RetryDetails=later)
            return operation
        operation["Status"] = DONE[action]
        operation["EndTimestamp"] = time.time()
        if kind != "EXECUTION":  # that is told when its last invocation has ended
            self._history.operation(operation, operation["Status"])
        return operation

    def end(self, operation: dict[str, Any], status: str, outcome: Any) -> None:
        """End an operation from outside of the handler, if it has not ended."""
        if operation["Status"] != "STARTED":
            return
        operation["Status"], operation["EndTimestamp"] = status, time.time()
        if outcome is not None:
            name = "Result" if status == "SUCCEEDED" else "Error"
            operation[DETAILS[operation["Type"]]][name] = outcome
        self._history.operation(operation, status)
        self.news = True

    def has_callback(self, callback_id: str) -> bool:
        """Tell whether a callback is one of these."""
        return callback_id in self._callbacks

    def answer_callback(self, callback_id: str, status: str, outcome: Any) -> None:
        """End a callback, or with the status STARTED note a heartbeat; raise `DurableError`."""
        callback = self._callbacks[callback_id]
        if callback.operation["Status"] != "STARTED":
            raise DurableError(f"the callback has ended: {callback.operation['Status']}")
        if status != "STARTED":
            self.end(callback.operation, status, outcome)
        elif callback.heartbeat_seconds:
            callback.silent_at = time.time() + callback.heartbeat_seconds

    def let_time_pass(self) -> None:
        """End what is due by now."""
        now = time.time()
        for callback in self._callbacks.values():
            for at, kind in ((callback.ends_at, "Timeout"), (callback.silent_at, "Heartbeat")):
                if at is not None and at <= now:
                    error = {"ErrorType": f"Callback.{kind}", "ErrorMessage": f"Callback {kind}"}
                    self.end(callback.operation, "TIMED_OUT", error)
        for each in self._operations.values():
            wait, step = each.get("WaitDetails", {}), each.get("StepDetails", {})
            if wait.get("ScheduledEndTimestamp", now + 1) <= now:
                self.end(each, "SUCCEEDED", None)
            elif each["Status"] == "PENDING" and step.get("NextAttemptTimestamp", now + 1) <= now:
                each["Status"] = "READY"
                self.news = True

    def _start(
        self, operation: dict[str, Any], details: dict[str, Any], update: dict[str, Any]
    ) -> None:
        """Begin what an operation is to do."""
        kind, now = update["Type"], time.time()
        told: dict[str, Any] = {}
        if kind == "STEP":
            details["Attempt"] = details.get("Attempt", 0) + 1
            details.pop("NextAttemptTimestamp", None)
        elif kind == "WAIT":
            seconds = _option(update, "WaitOptions", "WaitSeconds")
            details["ScheduledEndTimestamp"] = now + seconds
            told = {"Duration": int(seconds), "ScheduledEndTimestamp": now + seconds}
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
            told = {
                "CallbackId": details["CallbackId"],
                "Timeout": int(patience),
                "HeartbeatTimeout": int(heartbeat),
            }
        text, options = update.get("Payload"), update.get("ChainedInvokeOptions") or {}
        if kind == "CHAINED_INVOKE":
            told = {"Input": payload(text), **options}
        self._history.operation(operation, "STARTED", **told)
        if kind == "CHAINED_INVOKE":
            self._chain(operation, options, (text or "null").encode())


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
