from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from firehose_logging import _bootstrap
from firehose_logging.middleware import AsgiMiddleware, WsgiMiddleware

CONTEXT = json.dumps({"request_id": "r-1", "deadline": 1, "xray_trace_id": "Root=1-2-3"})


@pytest.fixture
def begun(monkeypatch):
    """What is told of requests: their beginnings and ends, in order."""
    told = []

    def begin(request_id, **more):
        told.append((request_id, more))
        return lambda: told.append(f"end of {request_id}")

    monkeypatch.setattr(_bootstrap, "begin_request", begin)
    return told


def served(app, **headers):
    """The answer of a WSGI application to a request with these headers."""
    answer = app({f"HTTP_{name.upper()}": value for name, value in headers.items()}, None)
    try:
        return list(answer)
    finally:
        getattr(answer, "close", lambda: None)()


def test_a_request_of_the_adapter_is_an_invocation(begun):
    """Id, trace and tenant come from the headers; the end is when the answer is closed."""

    def app(environ, start_response):
        begun.append("app")
        yield b"one"
        begun.append("after one")

    headers = {"x_amzn_lambda_context": CONTEXT, "x_amz_tenant_id": "blue"}
    assert served(WsgiMiddleware(app), **headers) == [b"one"]
    more = {"trace_header": "Root=1-2-3", "tenant_id": "blue", "invocation_id": None}
    assert begun == [("r-1", more), "app", "after one", "end of r-1"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_amzn_lambda_context": "{"},
        {"x_amzn_lambda_context": "[]"},
        {"x_amzn_lambda_context": "{}"},
        {"x_amzn_lambda_context": '{"request_id": 7}'},
        {"x_amz_tenant_id": "blue"},
    ],
)
def test_other_requests_pass_unseen(begun, headers):
    """No adapter, or headers that somebody else made up: the application's own answer object."""
    answer = [b"one"]
    app = WsgiMiddleware(lambda environ, start_response: answer)
    environ = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    assert app(environ, None) is answer
    assert not begun


def test_the_request_context_names_the_request_too(begun):
    """As an older adapter sends it."""
    context = json.dumps({"requestId": "r-9"})
    app = WsgiMiddleware(lambda environ, start_response: [])
    served(app, x_amzn_request_context=context, traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    assert begun[0][0] == "r-9"
    assert begun[0][1]["trace_header"].startswith("00-aaaa")


def test_the_length_and_the_close_of_an_answer_are_its_own(begun):
    """Servers ask for both."""

    class Answer(list):
        closed = False

        def close(self):
            self.closed = True

    answer = Answer([b"one"])
    seen = WsgiMiddleware(lambda *_: answer)({"HTTP_X_AMZN_LAMBDA_CONTEXT": CONTEXT}, None)
    assert len(seen) == 1
    seen.close()
    assert answer.closed
    generated = WsgiMiddleware(lambda *_: (b"" for _ in "a"))(
        {"HTTP_X_AMZN_LAMBDA_CONTEXT": CONTEXT}, None
    )
    assert not hasattr(generated, "__len__")


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_errors_of_the_application_pass_and_end_the_invocation(begun, error):
    """Whatever it raises."""

    def app(environ, start_response):
        raise error

    with pytest.raises(error):
        WsgiMiddleware(app)({"HTTP_X_AMZN_LAMBDA_CONTEXT": CONTEXT}, None)
    assert begun[-1] == "end of r-1"

    async def asgi(scope, receive, send):
        raise error

    scope = {"type": "http", "headers": [(b"x-amzn-lambda-context", CONTEXT.encode())]}
    with pytest.raises(error):
        asyncio.run(AsgiMiddleware(asgi)(scope, None, None))
    assert begun[-1] == "end of r-1"


@pytest.mark.parametrize(
    "scope",
    [
        {"type": "lifespan"},
        {"type": "websocket", "headers": [(b"x-amzn-lambda-context", CONTEXT.encode())]},
        {"type": "http"},
        {"type": "http", "headers": [(b"x-amzn-lambda-context", b"\xff")]},
        {"type": "http", "headers": 7},
    ],
)
def test_what_is_no_request_of_the_adapter_reaches_the_application(begun, scope):
    """With the very scope that the server made."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    asyncio.run(AsgiMiddleware(app)(scope, None, None))
    assert seen[0] is scope
    assert not begun


def test_it_costs_nothing_until_it_is_imported():
    """The package does not import it."""
    program = "import firehose_logging, sys; print('firehose_logging.middleware' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
