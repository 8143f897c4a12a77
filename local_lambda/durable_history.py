"""What a durable execution has gone through, as GetDurableExecutionHistory tells it; not locked.

Shapes: `Event` and its details in the Lambda service model, 2025-12-01.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Which field of an operation holds what is particular to its type.
DETAILS = {
    "EXECUTION": "ExecutionDetails",
    "CONTEXT": "ContextDetails",
    "STEP": "StepDetails",
    "WAIT": "WaitDetails",
    "CALLBACK": "CallbackDetails",
    "CHAINED_INVOKE": "ChainedInvokeDetails",
}
#: Status of an operation or execution -> the last word of its event.
WORDS = {
    "STARTED": "Started",
    "SUCCEEDED": "Succeeded",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
    "TIMED_OUT": "TimedOut",
    "STOPPED": "Stopped",
}
#: Longest that an execution may take, seconds: 366 days; here none is ended before.
EXECUTION_TIMEOUT_SECONDS = 31_622_400


class History:
    """Events in the order in which they happened."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []

    def note(self, kind: str, details: Mapping[str, Any], **fields: Any) -> None:
        """Add an event that happens now; `fields` are those that all kinds share."""
        event = {
            "EventType": kind,
            "EventId": len(self._events) + 1,
            "EventTimestamp": time.time(),
            f"{kind}Details": dict(details),
            **fields,
        }
        self._events.append({name: value for name, value in event.items() if value is not None})

    def operation(self, operation: Mapping[str, Any], status: str, **more: Any) -> None:
        """Add that an operation has come to `status`; `more` are further details."""
        kind = DETAILS[operation["Type"]].removesuffix("Details")
        details = {**_outcome(operation, status), **more}
        if kind == "Step" and status != "STARTED":
            attempt = operation.get("StepDetails", {}).get("Attempt", 1)
            details["RetryDetails"] = {"CurrentAttempt": attempt, **more.pop("RetryDetails", {})}
        shared = {name: operation.get(name) for name in ("Id", "ParentId", "Name", "SubType")}
        self.note(f"{kind}{WORDS[status]}", details, **shared)

    def events(self, *, data: bool) -> list[dict[str, Any]]:
        """Return all of them; without `data` no payloads."""
        return [event if data else _without_payloads(event) for event in self._events]


def payload(value: Any) -> dict[str, Any]:
    """Return a payload as events hold it; None is none."""
    return {"Truncated": False} if value is None else {"Payload": value, "Truncated": False}


def _outcome(operation: Mapping[str, Any], status: str) -> dict[str, Any]:
    kind = operation["Type"]
    details = operation.get(DETAILS[kind], {})
    if status == "STARTED" or kind == "WAIT":
        return {}
    name = "Result" if status == "SUCCEEDED" else "Error"
    return {name: payload(details.get(name))}


def _without_payloads(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_payloads(value) if isinstance(value, dict) else value
        for name, value in event.items()
        if name != "Payload"
    }
