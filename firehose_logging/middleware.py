"""Invocations for web servers behind AWS's Lambda Web Adapter: ASGI and WSGI.

The adapter is the runtime client, so that no hook of ours sees where invocations begin and end.
It tells them in headers of the requests that it makes. Concurrent requests of one process keep
their own ids: by context variables, which asyncio tasks and threads of Starlette, Django and
asgiref take along.
"""

from __future__ import annotations

import contextvars  # noqa: F401 - Context has a variable from the first request on where this is
import json

from firehose_logging._line.context import trace_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
    from typing import Any

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
    WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# Headers of the adapter (README of aws/aws-lambda-web-adapter, "Request Context" and "Lambda
# Context"), as ASGI has them; values are JSON but for the last three.
_LAMBDA_CONTEXT = b"x-amzn-lambda-context"
_REQUEST_CONTEXT = b"x-amzn-request-context"
_TENANT = b"x-amz-tenant-id"
_XRAY = b"x-amzn-trace-id"
_TRACEPARENT = b"traceparent"
_HEADERS = (_LAMBDA_CONTEXT, _REQUEST_CONTEXT, _TENANT, _XRAY, _TRACEPARENT)


class AsgiMiddleware:
    """Gives each request of an ASGI application the invocation that it is.

    ``app = AsgiMiddleware(app)``, or as Starlette's and FastAPI's ``add_middleware`` takes it.
    Requests without the adapter's headers, and whatever is no request, pass unseen.

    Args:
        app: the application.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        _prepare()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; answers and errors are the application's."""
        end = _begin(_asgi_headers(scope)) if scope.get("type") == "http" else None
        if end is None:
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            end()


class WsgiMiddleware:
    """Gives each request of a WSGI application the invocation that it is.

    ``app.wsgi_app = WsgiMiddleware(app.wsgi_app)`` for Flask, ``application =
    WsgiMiddleware(application)`` for Django and others. The invocation ends when the server
    closes the answer, so that lines of a streamed one belong to it. Requests without the
    adapter's headers pass unseen.

    Args:
        app: the application.
    """

    def __init__(self, app: WsgiApp) -> None:
        self._app = app
        _prepare()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve one request; answers and errors are the application's."""
        end = _begin(_wsgi_headers(environ))
        if end is None:
            return self._app(environ, start_response)
        try:
            answer = self._app(environ, start_response)
        except BaseException:
            end()
            raise
        return _Sized(answer, end) if hasattr(answer, "__len__") else _Answer(answer, end)


class _Answer:
    """A WSGI answer that tells when the server is done with it."""

    def __init__(self, answer: Iterable[bytes], end: Callable[[], None]) -> None:
        self._answer = answer
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        """What the application's own answer does, then the end of the invocation."""
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            self._end()


class _Sized(_Answer):
    """One whose length servers ask for, to say how long the body is."""

    def __len__(self) -> int:
        return len(self._answer)  # type: ignore[arg-type]


def _asgi_headers(scope: Scope) -> dict[bytes, str]:
    try:
        return {
            name: value.decode("latin-1")
            for name, value in scope.get("headers") or ()
            if name in _HEADERS
        }
    except (AttributeError, TypeError, ValueError):
        return {}


def _wsgi_headers(environ: dict[str, Any]) -> dict[bytes, str]:
    found = {}
    for name in _HEADERS:
        value = environ.get("HTTP_" + name.decode().upper().replace("-", "_"))
        if isinstance(value, str):
            found[name] = value
    return found


def _prepare() -> None:
    from firehose_logging import _bootstrap

    _bootstrap.prepare()


def _begin(headers: dict[bytes, str]) -> Callable[[], None] | None:
    """Begin the invocation that the headers tell of; None when they tell of none."""
    if _LAMBDA_CONTEXT not in headers and _REQUEST_CONTEXT not in headers:
        return None
    from firehose_logging import _bootstrap

    context = _json(headers.get(_LAMBDA_CONTEXT))
    request_id = context.get("request_id") or _json(headers.get(_REQUEST_CONTEXT)).get("requestId")
    if not isinstance(request_id, str) or not request_id:
        return None
    traces = (context.get("xray_trace_id"), headers.get(_XRAY), headers.get(_TRACEPARENT))
    trace = next((text for text in traces if isinstance(text, str) and trace_root(text)), None)
    invocation_id = context.get("invocation_id")
    return _bootstrap.begin_request(
        request_id,
        trace_header=trace,
        tenant_id=headers.get(_TENANT) or None,
        invocation_id=invocation_id if isinstance(invocation_id, str) else None,
    )


def _json(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else None
    except ValueError:  # somebody else's header
        value = None
    return value if isinstance(value, dict) else {}
