"""All durable executions of a service: run until they have ended, callbacks, chained functions."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from .durable import ACTIVE, ConflictError, DurableExecution

if TYPE_CHECKING:
    from collections.abc import Callable

    from .function import Function
    from .invocation import InvocationResult

    Invoked = tuple[InvocationResult, bytes | None]
    Outcome = Callable[[str, str | dict[str, Any]], None]

#: What an execution that was stopped ends with, where nobody has given an error.
STOPPED = {"ErrorType": "Execution.Stopped", "ErrorMessage": "The execution was stopped"}


class AlreadyStartedError(Exception):
    """There is an execution of that name; the message says which."""


class DurableExecutions:
    """Executions by ARN.

    `invoke_other` invokes a function by name, with an event, for a tenant, and returns its result;
    an error of it is the error of the operation.
    """

    def __init__(self, invoke_other: Callable[[str, bytes, str | None], InvocationResult]) -> None:
        self._invoke_other = invoke_other
        self._lock = threading.Lock()
        self._executions: dict[str, DurableExecution] = {}

    def get(self, arn: str) -> DurableExecution | None:
        """Return the execution of that ARN."""
        return self._executions.get(arn)

    def of_callback(self, callback_id: str) -> DurableExecution | None:
        """Return the execution that waits, or has waited, for a callback."""
        with self._lock:
            executions = list(self._executions.values())
        return next((each for each in executions if each.has_callback(callback_id)), None)

    def start(self, function: Function, event: bytes, name: str | None) -> DurableExecution:
        """Make an execution; raise `AlreadyStartedError` where the name is taken."""
        execution = DurableExecution(function, event, self._chain, name)
        with self._lock:
            for each in self._executions.values():
                if (each.function.name, each.name) == (function.name, execution.name):
                    raise AlreadyStartedError(f"the execution {name} has been started: {each.arn}")
            self._executions[execution.arn] = execution
        return execution

    def of_function(self, function: str) -> list[DurableExecution]:
        """Return the executions of a function, oldest first."""
        with self._lock:
            return [each for each in self._executions.values() if each.function.name == function]

    def delete(self, execution: DurableExecution) -> None:
        """Forget an execution that has ended; raise `ConflictError` where it has not."""
        if execution.status in ACTIVE:
            raise ConflictError(f"the execution has not ended: {execution.status}")
        with self._lock:
            self._executions.pop(execution.arn, None)

    def run(self, execution: DurableExecution, invoke: Callable[[bytes], Invoked]) -> Invoked:
        """Invoke until the execution has ended; return the last result, as its caller gets it."""
        while True:
            started = time.time()
            result, log = invoke(execution.event())
            answer = result.payload if isinstance(result.payload, dict) else {}
            execution.completed(result.request_id, started, _error_of(result))
            if result.function_error is not None or answer.get("Status") != "PENDING":
                return _ended(execution, result, answer), log
            if not execution.wait_due():
                return _failed(result, execution.outcome().get("Error") or STOPPED), log

    def close(self) -> None:
        """Stop all executions."""
        with self._lock:
            executions = list(self._executions.values())
        for execution in executions:
            execution.end("STOPPED", Error=STOPPED)

    def _chain(self, options: dict[str, Any], event: bytes, tell: Outcome) -> None:
        """Invoke another function beside what runs, and tell its outcome."""

        def run() -> None:
            name = str(options.get("FunctionName"))
            try:
                result = self._invoke_other(name, event, options.get("TenantId"))
            except Exception as error:  # noqa: BLE001 - the operation fails with it
                kind = getattr(error, "code", type(error).__name__)
                tell("FAILED", {"ErrorType": kind, "ErrorMessage": str(error)})
                return
            if result.function_error is None:
                tell("SUCCEEDED", result.raw.decode("utf-8", "replace"))
            else:
                kind, message = result.error_type or "Unhandled", result.error_message or ""
                tell("FAILED", {"ErrorType": kind, "ErrorMessage": message})

        threading.Thread(target=run, name="chained", daemon=True).start()


def _ended(
    execution: DurableExecution, result: InvocationResult, answer: dict[str, Any]
) -> InvocationResult:
    outcome = execution.outcome()
    error = _error_of(result)
    if error is not None:
        execution.end("FAILED", Error=error)
        return result
    if answer.get("Status") == "FAILED":
        error = answer.get("Error") or outcome.get("Error") or {}
        execution.end("FAILED", Error=error)
        return _failed(result, error)
    text = answer.get("Result") or outcome.get("Result") or "null"
    execution.end("SUCCEEDED", Result=text)
    try:
        payload = json.loads(text)
    except ValueError:
        payload = None
    return dataclasses.replace(result, raw=text.encode(), payload=payload)


def _error_of(result: InvocationResult) -> dict[str, Any] | None:
    if result.function_error is None:
        return None
    return {"ErrorType": result.error_type or "Unhandled", "ErrorMessage": result.error_message}


def _failed(result: InvocationResult, error: dict[str, Any]) -> InvocationResult:
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
