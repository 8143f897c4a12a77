"""The Runtime API: next, response, error, init/error, restore.

Rules and bodies: "Using the Lambda runtime API for custom runtimes" of the developer guide; error
words as in `internal/lambda/rapi` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from . import responses
from ._state import IllegalMoveError, RuntimeState, move_runtime, refusal
from .extensions_api import CLIENT_CHECK_SECONDS
from .http_server import Request, Response

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from .invocation import Invocation

PREFIX = "/2018-06-01/runtime"
#: Names one attempt of a request; a runtime client that knows it sends it back.
ATTEMPT_HEADER = "Lambda-Runtime-Invocation-Id"
#: `streaming` when the answer comes piece by piece; lower case, as the server keeps names.
RESPONSE_MODE = "lambda-runtime-function-response-mode"


class RuntimeSlot:
    """The one runtime of the environment and the calls it makes.

    `changed` is the environment's condition: held for every read and write, notified after every
    move. `on_move` is told each call under the lock; `before_next` is called without it, so that
    the output written before may be read first.
    """

    def __init__(
        self,
        changed: threading.Condition,
        arn: str,
        *,
        snap_start: bool,
        on_move: Callable[[str], None],
        before_next: Callable[[], None],
    ) -> None:
        self._changed = changed
        self._arn = arn
        self._snap_start = snap_start
        self.snapshot_ready = False  # SnapStart: initialised, waits to be restored
        self._on_move = on_move
        self._before_next = before_next
        self.state = RuntimeState.STARTED
        self.init_error: bytes | None = None
        self.init_error_type = ""
        self._life = 0
        self._waiting = False
        self._offer: Invocation | None = None
        self._current: Invocation | None = None

    # Called by the environment, with the lock held.

    def begin(self) -> None:
        """A new runtime process; calls of the former one are given up."""
        self._life += 1
        self._waiting = False
        self.snapshot_ready = False
        self.state = RuntimeState.STARTED
        self.init_error = None
        self.init_error_type = ""
        self._offer = self._current = None
        self._changed.notify_all()

    def ready_for_snapshot(self) -> None:
        """The runtime has come to where it waits to be restored; takes the lock itself."""
        self._before_next()
        with self._changed:
            self.snapshot_ready = True
            self._on_move("snapshot")
            self._changed.notify_all()

    def offer(self, invocation: Invocation) -> None:
        """Hand an invocation to the waiting next call."""
        self.state = move_runtime(self.state, "event")
        self._offer = self._current = invocation
        self._changed.notify_all()

    # Called by connections.

    def handle(self, request: Request) -> Response | None:
        """Answer a call of the Runtime API, or return None when the path is not one of it."""
        call = request.path.removeprefix(PREFIX + "/")
        if call == request.path:
            return None
        if (request.method, call) == ("GET", "invocation/next"):
            return self._next(request)
        if (request.method, call) == ("POST", "init/error"):
            return self._init_error(request)
        if (request.method, call) == ("GET", "restore/next"):
            return self._restore_next()
        if (request.method, call) == ("POST", "restore/error"):
            return self._restore_error()
        parts = call.split("/")
        if request.method == "POST" and parts[0] == "invocation" and len(parts) == 3:
            if parts[2] == "response":
                return self._response(request, parts[1])
            if parts[2] == "error":
                return self._error(request, parts[1])
        return Response.error(404, "NotFound", f"no such call: {request.method} {call}")

    def _next(self, request: Request) -> Response | None:
        self._before_next()
        with self._changed:
            again = not self._waiting and (
                self.state is RuntimeState.READY
                or (self.state is RuntimeState.RUNNING and self._offer is not None)
            )
            if not again:
                try:
                    self.state = move_runtime(self.state, "next")
                except IllegalMoveError as error:
                    return _invalid_state(str(error))
                self._current = None
                self._on_move("next")
            self._changed.notify_all()
            life = self._life
            self._waiting = True
            try:
                while self._offer is None:
                    self._changed.wait(CLIENT_CHECK_SECONDS)
                    if self._life != life or request.client_gone():
                        return None
                if self._life != life or request.client_gone():
                    return None
                invocation, self._offer = self._offer, None
            finally:
                if self._life == life:
                    self._waiting = False
            self._on_move("event")
        return Response(200, invocation.event, next_headers(invocation, self._arn))

    def _response(self, request: Request, request_id: str) -> Response:
        streamed = request.headers.get(RESPONSE_MODE, "").lower() == "streaming"
        with self._changed:
            invocation = self._present(request, request_id)
            if invocation is None:
                return invalid_request_id()
            try:
                self.state = move_runtime(self.state, "stream" if streamed else "response")
            except IllegalMoveError as error:
                return _invalid_state(str(error))
            invocation.response_started_at = request.begun_at
            life = self._life
        # Without the lock: a stream may take as long as the invocation.
        body, failure = responses.receive(request, invocation if streamed else None)
        with self._changed:
            if self._life != life:
                return invalid_request_id()  # ended by the platform meanwhile
            if streamed:
                self.state = move_runtime(self.state, "response")
            invocation.responded_at = time.monotonic()
            invocation.produced_bytes = len(body)
            if failure is None:
                invocation.answer(body)
                answer = Response.of_json(202, {"status": "OK"})
            else:
                invocation.status = "error"
                invocation.error_type = failure.error_type
                invocation.answer(failure.body, "Unhandled")
                answer = failure.answer
            self._on_move("response")
            self._changed.notify_all()
        return answer

    def _present(self, request: Request, request_id: str) -> Invocation | None:
        """Return the present invocation if that is the one meant, this attempt of it; lock held."""
        invocation = self._current
        if invocation is None or invocation.request_id != request_id:
            return None
        attempt = request.headers.get(ATTEMPT_HEADER.lower(), invocation.attempt_id)
        return invocation if attempt == invocation.attempt_id else None

    def _error(self, request: Request, request_id: str) -> Response:
        with self._changed:
            invocation = self._present(request, request_id)
            if invocation is None:
                return invalid_request_id()
            try:
                self.state = move_runtime(self.state, "error")
            except IllegalMoveError as error:
                return _invalid_state(str(error))
            invocation.response_started_at = request.begun_at
            invocation.responded_at = time.monotonic()
            invocation.produced_bytes = len(request.body)
            invocation.status = "error"
            invocation.error_type = responses.known_error_type(
                request.headers.get("lambda-runtime-function-error-type", "")
            )
            invocation.answer(request.body, "Unhandled")
            self._on_move("error")
            self._changed.notify_all()
        return Response.of_json(202, {"status": "OK"})

    def _init_error(self, request: Request) -> Response:
        with self._changed:
            try:
                self.state = move_runtime(self.state, "init/error")
            except IllegalMoveError as error:
                return _invalid_state(str(error))
            self.init_error = request.body
            self.init_error_type = responses.known_error_type(
                request.headers.get("lambda-runtime-function-error-type", "")
            )
            self._on_move("init/error")
            self._changed.notify_all()
        return Response.of_json(202, {"status": "OK"})

    def _restore_next(self) -> Response:
        """Only a copy gets to ask: it is told at once that it was restored.

        A runtime that was not started by our own bootstrap asks in its one and only life.
        """
        with self._changed:
            if not self._snap_start or self.state is not RuntimeState.STARTED:
                return _invalid_state(refusal(self.state.value, "RestoreReady", "runtime"))
            self._on_move("restore/next")
        return Response(200)

    def _restore_error(self) -> Response:
        with self._changed:
            if not self._snap_start or self.state is not RuntimeState.STARTED:
                return _invalid_state(refusal(self.state.value, "RestoreError", "runtime"))
            self.state = RuntimeState.INIT_ERROR
            self._on_move("restore/error")
            self._changed.notify_all()
        return Response.of_json(202, {"status": "OK"})


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


def _invalid_state(message: str) -> Response:
    return Response.error(403, "InvalidStateTransition", message)


def invalid_request_id() -> Response:
    """Return the refusal of an answer to what is not running."""
    return Response.error(400, "InvalidRequestID", "Invalid request ID")
