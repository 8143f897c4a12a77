"""A function URL: HTTP requests become events, answers become HTTP responses.

Shapes: "Invoking Lambda function URLs" of the developer guide (payload format 2.0), and "Response
streaming" for the prelude of a streamed response.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import time
import uuid
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from .http_server import Request, Response
from .service import Call, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .service import Service

#: Ends the prelude of a streamed response: JSON with status, headers and cookies.
PRELUDE_END = b"\0" * 8


class FunctionUrl:
    """Answer every request by invoking the function `name`; `streamed`: as it comes."""

    def __init__(self, service: Service, name: str, *, streamed: bool = False) -> None:
        self._service = service
        self._name = name
        self._streamed = streamed

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        call = Call(json.dumps(event_of(request)).encode())
        try:
            if self._streamed:
                return response_of_stream(self._service.stream(self._name, call).pieces)
            result, _ = self._service.invoke(self._name, call)
        except ServiceError as error:
            return Response.of_json(error.status, {"Message": str(error)})
        if result.function_error is not None:
            return Response.of_json(502, {"Message": "Internal Server Error"})
        return response_of(result.payload)


def event_of(request: Request) -> dict[str, Any]:
    """Return the event of format 2.0 for a request."""
    url = urlsplit(request.path)
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    cookies = [part.strip() for part in request.headers.get("cookie", "").split(";") if part]
    now = datetime.now(timezone.utc)
    domain = request.headers.get("host", "localhost")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": url.path,
        "rawQueryString": url.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": url.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S %z"),
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if url.query:
        query: dict[str, str] = {}
        for name, value in parse_qsl(url.query, keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query else value
        event["queryStringParameters"] = query
    if request.body:
        try:
            event["body"] = request.body.decode()
        except UnicodeDecodeError:
            event["body"] = base64.b64encode(request.body).decode()
            event["isBase64Encoded"] = True
    return event


def response_of(payload: Any) -> Response:
    """Return the HTTP response for what a function answered; anything odd is a 502."""
    if not isinstance(payload, dict) or "statusCode" not in payload:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return Response(200, text.encode(), {"Content-Type": "application/json"})
    try:
        body = payload.get("body") or ""
        text = body if isinstance(body, str) else json.dumps(body)
        data = base64.b64decode(text) if payload.get("isBase64Encoded") else text.encode()
        return Response(int(HTTPStatus(int(payload["statusCode"]))), data, _fields(payload))
    except (ValueError, TypeError, AttributeError, binascii.Error):
        return Response.of_json(502, {"Message": "Internal Server Error"})


def response_of_stream(pieces: Iterator[bytes]) -> Response:
    """Return the HTTP response for a streamed one, whose prelude names status and headers."""
    head = b""
    for piece in pieces:
        head += piece
        if PRELUDE_END in head or not head.lstrip().startswith(b"{"):
            break
    prelude, end, rest = head.partition(PRELUDE_END)
    if not end:
        return Response(200, b"", {"Content-Type": "application/octet-stream"},
                        chunks=itertools.chain((head,), pieces))  # fmt: skip
    try:
        values = json.loads(prelude)
        status = int(HTTPStatus(int(values.get("statusCode", 200))))
        return Response(status, b"", _fields(values), chunks=itertools.chain((rest,), pieces))
    except (ValueError, TypeError, AttributeError):
        return Response.of_json(502, {"Message": "Internal Server Error"})


def _fields(payload: dict[str, Any]) -> dict[str, str | list[str]]:
    given = payload.get("headers") or {}
    headers: dict[str, str | list[str]] = {str(k): str(v) for k, v in given.items()}
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    if payload.get("cookies"):
        headers["Set-Cookie"] = [str(cookie) for cookie in payload["cookies"]]
    return headers
