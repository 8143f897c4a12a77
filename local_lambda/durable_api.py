"""The calls of the Lambda API about durable executions and their callbacks.

Paths and shapes: the Lambda service model, 2025-12-01. Listing, history, pausing and deleting are
not there.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .durable import DurableError
from .durable_executions import STOPPED
from .http_server import Request, Response
from .service import ServiceError

if TYPE_CHECKING:
    from .durable import DurableExecution
    from .durable_executions import DurableExecutions

EXECUTION = re.compile(r"/2025-12-01/durable-executions/([^/]+)(?:/(checkpoint|state|stop))?")
CALLBACK = re.compile(r"/2025-12-01/durable-execution-callbacks/([^/]+)/(succeed|fail|heartbeat)")
#: What an operation becomes by each call; STARTED: it goes on.
STATUS = {"succeed": "SUCCEEDED", "fail": "FAILED", "heartbeat": "STARTED"}


def answer(
    durable: DurableExecutions, request: Request, path: str, headers: dict[str, str]
) -> Response | None:
    """Answer a call, None when the path is not one of these; raise `ServiceError`."""
    execution, callback = EXECUTION.fullmatch(path), CALLBACK.fullmatch(path)
    try:
        if execution is not None:
            found = durable.get(unquote(execution[1]))
            if found is None:
                raise _not_found(f"Execution not found: {unquote(execution[1])}")
            value = _of_execution(found, f"{request.method} {execution[2] or ''}", request.body)
        elif callback is not None and request.method == "POST":
            found = durable.of_callback(callback[1])
            if found is None:
                raise _not_found(f"Callback not found: {callback[1]}")
            value = _of_callback(found, callback[1], callback[2], request.body)
        else:
            return None
    except (ValueError, KeyError, TypeError, AttributeError, DurableError) as error:
        raise ServiceError(400, "InvalidParameterValueException", str(error), Type="User") from None
    return Response.of_json(200, value, headers)


def _of_execution(execution: DurableExecution, call: str, body: bytes) -> dict[str, Any]:
    if call == "GET state":
        return execution.state()
    if call == "GET ":
        return execution.describe()
    if call == "POST stop":
        error = json.loads(body or b"{}") or STOPPED
        return {"StopTimestamp": execution.end("STOPPED", Error=error)}
    if call == "POST checkpoint":
        given = json.loads(body)
        return execution.checkpoint(given["CheckpointToken"], given.get("Updates") or [])
    raise DurableError(f"{call}: the local Lambda has no such call for a durable execution")


def _of_callback(
    execution: DurableExecution, callback_id: str, call: str, body: bytes
) -> dict[str, Any]:
    outcome = (json.loads(body or b"{}") or None) if call == "fail" else body.decode() or None
    execution.answer_callback(callback_id, STATUS[call], outcome)
    return {}


def _not_found(message: str) -> ServiceError:
    return ServiceError(404, "ResourceNotFoundException", message, Type="User")
