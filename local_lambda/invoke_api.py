"""The calls of the Lambda API that invoke, as boto3, the aws command and RIE's users make them.

Paths, headers, codes and limits: API reference, Invoke and InvokeWithResponseStream. Signatures are
not checked: any keys will do.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import itertools
import json
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from . import eventstream
from .durable_api import DurableApi
from .http_server import Request, Response
from .invocation import MAX_PAYLOAD_BYTES
from .service import Call, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .asynchronous import AsynchronousInvocations
    from .invocation import InvocationResult
    from .service import Service, Streamed

INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
STREAM = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations")
#: Largest event of an asynchronous invocation: 1 MB (developer guide, Lambda quotas).
MAX_EVENT_BYTES = 1024 * 1024
#: Largest client context, after Base64 (API reference, Invoke).
MAX_CONTEXT_BYTES = 3583
#: Names the execution that a durable function's invocation has started.
EXECUTION_HEADER = "X-Amz-Durable-Execution-Arn"
TYPES = ("RequestResponse", "Event", "DryRun")


class InvokeApi:
    """Answer HTTP requests out of `service`; `asynchronous` takes what is to be done later."""

    def __init__(self, service: Service, asynchronous: AsynchronousInvocations) -> None:
        self._service = service
        self._asynchronous = asynchronous
        self._durable = DurableApi(service)

    def handle(self, request: Request) -> Response:
        """Answer a request; what is neither an invocation nor about a durable one is refused."""
        request_id = str(uuid.uuid4())
        url = urlsplit(request.path)
        try:
            for pattern, answer in ((INVOKE, self._invoke), (STREAM, self._stream)):
                match = pattern.fullmatch(url.path.rstrip("/"))
                if match is not None:
                    if request.method != "POST":
                        raise ServiceError(405, "MethodNotAllowed", "invoke with POST")
                    qualifier = parse_qs(url.query).get("Qualifier", [None])[0]
                    return answer(request, unquote(match[1]), qualifier, request_id)
            durable = self._durable.answer(request, _common(request_id))
            if durable is not None:
                return durable
            raise ServiceError(
                404, "UnknownOperationException", f"no such call: {request.method} {url.path}"
            )
        except ServiceError as error:
            return refusal(error, request_id)

    def _invoke(
        self, request: Request, name: str, qualifier: str | None, request_id: str
    ) -> Response:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in TYPES:
            raise ServiceError(
                400,
                "InvalidParameterValueException",
                f"InvocationType {kind!r} is not one of {', '.join(TYPES)}",
                Type="User",
            )
        call = self._call(request, request_id, kind)
        function = self._service.check(name, call).function
        _check_qualifier(name, qualifier, function.version)
        if kind == "DryRun":
            return Response(204, b"", _common(request_id))
        execution = self._service.start_execution(name, call)
        told = {} if execution is None else {EXECUTION_HEADER: execution.arn}
        if kind == "Event":
            self._asynchronous.put(function, dataclasses.replace(call, execution=execution))
            return Response(202, b"", {**_common(request_id), **told})
        result, log = self._service.invoke(name, dataclasses.replace(call, execution=execution))
        result = _within_limit(result)
        headers = {
            **_common(request_id),
            **told,
            "Content-Type": "application/json",
            "X-Amz-Executed-Version": function.version,
        }
        if result.function_error is not None:
            headers["X-Amz-Function-Error"] = result.function_error
        if log is not None:
            headers["X-Amz-Log-Result"] = log.decode()
        return Response(200, result.raw, headers)

    def _stream(
        self, request: Request, name: str, qualifier: str | None, request_id: str
    ) -> Response:
        call = self._call(request, request_id)
        function = self._service.check(name, call).function
        _check_qualifier(name, qualifier, function.version)
        streamed = self._service.stream(name, call)
        # The first piece decides whether this is an answer or a refusal.
        first = next(streamed.pieces, None)
        headers = {
            **_common(request_id),
            "Content-Type": eventstream.CONTENT_TYPE,
            "X-Amz-Executed-Version": function.version,
        }
        return Response(200, b"", headers, chunks=_events(first, streamed))

    def _call(self, request: Request, request_id: str, kind: str = TYPES[0]) -> Call:
        event = request.body
        limit = MAX_EVENT_BYTES if kind == "Event" else MAX_PAYLOAD_BYTES
        if len(event) > limit:
            raise ServiceError(
                413,
                "RequestTooLargeException",
                f"{len(event)} byte payload is too large for the call (limit {limit} bytes)",
                Type="User",
            )
        return Call(
            event,
            client_context=_client_context(request.headers.get("x-amz-client-context")),
            tenant_id=request.headers.get("x-amz-tenant-id"),
            trace_id=request.headers.get("x-amzn-trace-id"),
            log=request.headers.get("x-amz-log-type") == "Tail",
            request_id=request_id,
            execution_name=request.headers.get("x-amz-durable-execution-name"),
        )


def refusal(error: ServiceError, request_id: str) -> Response:
    """Return the error as SDKs read it: the code in a header, the rest in the body."""
    body = {"message": str(error), **error.fields}
    headers = {**_common(request_id), "x-amzn-ErrorType": error.code}
    return Response.of_json(error.status, body, headers)


def _common(request_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id}


def _check_qualifier(name: str, qualifier: str | None, version: str) -> None:
    if qualifier is None or qualifier == version or not qualifier.isdigit():
        return  # any alias will do
    raise ServiceError(
        404, "ResourceNotFoundException", f"Function not found: {name}:{qualifier}", Type="User"
    )


def _client_context(header: str | None) -> Any:
    if header is None:
        return None
    try:
        if len(header) > MAX_CONTEXT_BYTES:
            raise ValueError(f"{len(header)} bytes, at most {MAX_CONTEXT_BYTES} are allowed")
        return json.loads(base64.b64decode(header, validate=True))
    except (ValueError, binascii.Error) as error:
        raise ServiceError(
            400,
            "InvalidRequestContentException",
            f"Client context must be a valid Base64-encoded JSON object: {error}",
            Type="User",
        ) from None


def _within_limit(result: InvocationResult) -> InvocationResult:
    """Refuse a streamed response that is too large for a caller who does not read along."""
    if len(result.raw) > MAX_PAYLOAD_BYTES:
        raise ServiceError(
            413,
            "RequestEntityTooLargeException",
            f"Response payload size ({len(result.raw)} bytes) exceeded maximum allowed payload "
            f"size ({MAX_PAYLOAD_BYTES} bytes).",
            Type="User",
        )
    return result


def _events(first: bytes | None, streamed: Streamed) -> Iterator[bytes]:
    """Yield the response as events; a failure in its middle is told by the last one."""
    seen = False
    pieces = itertools.chain(() if first is None else (first,), streamed.pieces)
    for piece in pieces:
        seen = True
        yield eventstream.payload_chunk(piece)
    result, log = streamed.outcome[0]
    if not seen and result.function_error is None:
        yield eventstream.payload_chunk(result.raw)  # a response in one piece
    yield eventstream.invoke_complete(
        result.function_error,
        result.raw.decode("utf-8", "replace") if result.function_error else None,
        log.decode() if log is not None else None,
    )
