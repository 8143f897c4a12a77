"""What every runtime's calls have in common: their paths, an event's headers, an answer's traces.

Rules and bodies: "Using the Lambda runtime API for custom runtimes" of the developer guide; error
words as in `internal/lambda/rapi` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from . import responses
from .http_server import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .invocation import Invocation
    from .responses import BadResponse

PREFIX = "/2018-06-01/runtime"
#: Names one attempt of a request; a runtime client that knows it sends it back.
ATTEMPT_HEADER = "Lambda-Runtime-Invocation-Id"
#: `streaming` when the answer comes piece by piece; lower case, as the server keeps names.
RESPONSE_MODE = "lambda-runtime-function-response-mode"


def route(
    request: Request,
    calls: Mapping[tuple[str, str], Callable[[Request], Response | None]],
    answers: Mapping[str, Callable[[Request, str], Response]],
) -> Response | None:
    """Answer a call of the Runtime API, or return None when the path is not one of it.

    `calls`: by method and what follows the prefix. `answers`: by the last word of
    `POST invocation/REQUEST_ID/...`.
    """
    call = request.path.removeprefix(PREFIX + "/")
    if call == request.path:
        return None
    if (request.method, call) in calls:
        return calls[request.method, call](request)
    first, _, rest = call.partition("/")
    request_id, _, last = rest.partition("/")
    if (request.method, first) == ("POST", "invocation") and last in answers:
        return answers[last](request, request_id)
    return Response.error(404, "NotFound", f"no such call: {request.method} {call}")


def next_headers(invocation: Invocation, arn: str) -> dict[str, str]:
    """Return the headers with which an invocation is handed to a runtime."""
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        ATTEMPT_HEADER: invocation.attempt_id,
        "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": arn,
    }
    if invocation.trace_id is not None:
        headers["Lambda-Runtime-Trace-Id"] = invocation.trace_id
    if invocation.tenant_id is not None:
        headers["Lambda-Runtime-Aws-Tenant-Id"] = invocation.tenant_id
    if invocation.client_context is not None:
        headers["Lambda-Runtime-Client-Context"] = json.dumps(invocation.client_context)
    if invocation.cognito_identity is not None:
        headers["Lambda-Runtime-Cognito-Identity"] = json.dumps(invocation.cognito_identity)
    return headers


def meant(
    request: Request, request_id: str, invocation: Invocation | None
) -> Invocation | Response:
    """Return what runs if an answer is to it, to this attempt or to none by name; or the refusal.

    The refusal of another attempt is that of AWS's emulator of Managed Instances.
    """
    if invocation is None or invocation.request_id != request_id:
        return invalid_request_id()
    if request.headers.get(ATTEMPT_HEADER.lower(), invocation.attempt_id) != invocation.attempt_id:
        return Response.error(410, "InvokeTimeout", "Invoke timeout")
    return invocation


def is_streamed(request: Request) -> bool:
    """Tell whether an answer comes piece by piece."""
    return request.headers.get(RESPONSE_MODE, "").lower() == "streaming"


def reported_error_type(request: Request) -> str:
    """Return the error type of a report, as telemetry carries it."""
    kind = request.headers.get("lambda-runtime-function-error-type", "")
    return responses.known_error_type(kind)


def take_response(
    invocation: Invocation, request: Request, body: bytes, failure: BadResponse | None
) -> Response:
    """Give the caller a response, or what is wrong with it; return the runtime's answer."""
    _note(invocation, request, body)
    if failure is None:
        invocation.answer(body)
        return accepted()
    invocation.status, invocation.error_type = "error", failure.error_type
    invocation.answer(failure.body, "Unhandled")
    return failure.answer


def take_error(invocation: Invocation, request: Request) -> Response:
    """Give the caller an error that the runtime reports; return the runtime's answer."""
    _note(invocation, request, request.body)
    invocation.status, invocation.error_type = "error", reported_error_type(request)
    invocation.answer(request.body, "Unhandled")
    return accepted()


def accepted() -> Response:
    """Return the answer to what was taken."""
    return Response.of_json(202, {"status": "OK"})


def invalid_request_id() -> Response:
    """Return the refusal of an answer to what is not running."""
    return Response.error(400, "InvalidRequestID", "Invalid request ID")


def _note(invocation: Invocation, request: Request, body: bytes) -> None:
    invocation.response_started_at = request.begun_at
    invocation.responded_at = time.monotonic()
    invocation.produced_bytes = len(body)
