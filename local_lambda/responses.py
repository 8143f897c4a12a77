"""What a runtime answers: whole or streamed, within the limits, and how it fails in mid-stream.

Streaming: "Building a custom runtime for response streaming" of the developer guide; error types as
in `internal/lambda/fatalerror` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .http_server import BadRequestError, Response
from .invocation import MAX_PAYLOAD_BYTES, MAX_STREAMED_BYTES

if TYPE_CHECKING:
    from .http_server import Request
    from .invocation import Invocation

#: Error types that telemetry repeats; others become Function.Unknown or Runtime.Unknown.
KNOWN_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
#: Trailers of a stream that failed; the body is JSON in Base64.
ERROR_TYPE_TRAILER = "lambda-runtime-function-error-type"
ERROR_BODY_TRAILER = "lambda-runtime-function-error-body"


@dataclass(frozen=True)
class BadResponse:
    """A response that is an error: `body` goes to the caller, `answer` to the runtime."""

    error_type: str
    body: bytes
    answer: Response


def receive(request: Request, streamed_to: Invocation | None) -> tuple[bytes, BadResponse | None]:
    """Read a response; return what came and what is wrong with it.

    `streamed_to` is the invocation whose caller reads along, None for a response in one piece.
    """
    limit = MAX_PAYLOAD_BYTES if streamed_to is None else MAX_STREAMED_BYTES
    body = bytearray()
    try:
        if streamed_to is None:
            body += request.body
        else:
            for chunk in request.content.chunks():
                body += chunk
                if len(body) > limit:
                    break
                if streamed_to.on_chunk is not None:
                    streamed_to.on_chunk(chunk)
    except (BadRequestError, OSError):
        return bytes(body), _truncated()
    if len(body) > limit:
        return bytes(body), _too_large(len(body), limit)
    return bytes(body), _failed(request.content.trailers)


def known_error_type(error_type: str) -> str:
    """Return the error type that telemetry carries for what a runtime reported."""
    if KNOWN_ERROR_TYPE.fullmatch(error_type):
        return error_type
    return "Function.Unknown" if error_type.startswith("Function.") else "Runtime.Unknown"


def _error_body(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def _too_large(size: int, limit: int) -> BadResponse:
    error_type = "Function.ResponseSizeTooLarge"
    message = (
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
        f"({limit} bytes)."
    )
    words = f"Exceeded maximum allowed payload size ({limit} bytes)."
    answer = Response.error(413, "RequestEntityTooLarge", words)
    return BadResponse(error_type, _error_body(error_type, message), answer)


def _truncated() -> BadResponse:
    error_type = "Runtime.TruncatedResponse"
    message = "Response stream ended before it was complete"
    answer = Response.error(400, error_type, "HTTP request detected as truncated")
    return BadResponse(error_type, _error_body(error_type, message), answer)


def _failed(trailers: dict[str, str]) -> BadResponse | None:
    """Return the error that the trailers of a stream tell of, None when they tell of none."""
    reported = trailers.get(ERROR_TYPE_TRAILER)
    if not reported:
        return None
    try:
        body = base64.b64decode(trailers.get(ERROR_BODY_TRAILER, ""), validate=True)
    except binascii.Error:
        body = b""
    body = body or _error_body(reported, "the function failed while it streamed its response")
    return BadResponse(known_error_type(reported), body, Response.of_json(202, {"status": "OK"}))
