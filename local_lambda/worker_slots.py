"""The Runtime API of Managed Instances: several workers of one runtime, an invocation each.

Rules: "Lambda Managed Instances" of the developer guide; where that is silent,
`internal/lambda-managed-instances` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from . import responses
from ._state import RuntimeState
from .extensions_api import CLIENT_CHECK_SECONDS
from .http_server import Request, Response
from .runtime_api import PREFIX, RESPONSE_MODE, invalid_request_id, next_headers

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from .invocation import Invocation


class WorkerSlots:
    """The workers of the environment's runtime and the calls they make.

    As `RuntimeSlot`, but that any number of calls may wait for an event and any number of
    invocations may run. `state` is READY from the first call for an event on.
    """

    def __init__(
        self,
        changed: threading.Condition,
        arn: str,
        *,
        on_move: Callable[[str], None],
        before_next: Callable[[], None],
    ) -> None:
        self._changed = changed
        self._arn = arn
        self._on_move = on_move
        self._before_next = before_next
        self.snapshot_ready = False
        self.begin()

    # Called by the environment, with the lock held.

    def begin(self) -> None:
        """A new runtime process; calls and invocations of the former one are given up."""
        self._life = getattr(self, "_life", 0) + 1
        self.state = RuntimeState.STARTED
        self.init_error: bytes | None = None
        self.init_error_type = ""
        self._offers: deque[Invocation] = deque()
        self._running: dict[str, Invocation] = {}
        self._waiting = 0

    def ready_for_snapshot(self) -> None:
        """Managed Instances take no snapshots."""
        raise NotImplementedError

    @property
    def free(self) -> int:
        """How many workers wait for an event that nobody has offered yet."""
        return self._waiting - len(self._offers)

    def offer(self, invocation: Invocation) -> None:
        """Hand an invocation to one of the workers that wait."""
        self._offers.append(invocation)
        self._running[invocation.request_id] = invocation
        self._changed.notify_all()

    def runs(self, invocation: Invocation) -> bool:
        """Tell whether an invocation that was offered is still the runtime's to answer."""
        return invocation.request_id in self._running

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
        parts = call.split("/")
        ends = parts[-1] in ("response", "error") and len(parts) == 3
        if request.method == "POST" and parts[0] == "invocation" and ends:
            return self._answer(request, parts[1], failed=parts[2] == "error")
        return Response.error(404, "NotFound", f"no such call: {request.method} {call}")

    def _next(self, request: Request) -> Response | None:
        self._before_next()
        with self._changed:
            life = self._life
            if self.state is not RuntimeState.READY:
                self.state = RuntimeState.READY
                self._on_move("next")
            self._waiting += 1
            self._changed.notify_all()
            try:
                while not self._offers:
                    self._changed.wait(CLIENT_CHECK_SECONDS)
                    if self._life != life or request.client_gone():
                        return None
                invocation = self._offers.popleft()
            finally:
                if self._life == life:
                    self._waiting -= 1
            self._on_move("event")
        return Response(200, invocation.event, next_headers(invocation, self._arn))

    def _answer(self, request: Request, request_id: str, *, failed: bool) -> Response:
        with self._changed:
            invocation = self._running.get(request_id)
        if invocation is None:
            return invalid_request_id()
        streamed = request.headers.get(RESPONSE_MODE, "").lower() == "streaming"
        body, failure = responses.receive(request, invocation if streamed else None)
        with self._changed:
            if self._running.pop(request_id, None) is None:
                return invalid_request_id()
            answer = Response.of_json(202, {"status": "OK"})
            if invocation.result is None:  # timed out otherwise; its code went on
                invocation.response_started_at = request.begun_at
                invocation.responded_at = time.monotonic()
                invocation.produced_bytes = len(body)
                if failed:
                    invocation.status = "error"
                    kind = request.headers.get("lambda-runtime-function-error-type", "")
                    invocation.error_type = responses.known_error_type(kind)
                elif failure is not None:
                    invocation.status, invocation.error_type = "error", failure.error_type
                    body, answer = failure.body, failure.answer
                error = "Unhandled" if invocation.status == "error" else None
                invocation.answer(body, error)
            self._on_move("error" if failed else "response")
            self._changed.notify_all()
        return answer

    def _init_error(self, request: Request) -> Response:
        with self._changed:
            if self.state is RuntimeState.STARTED:
                self.state = RuntimeState.INIT_ERROR
                self.init_error = request.body
                kind = request.headers.get("lambda-runtime-function-error-type", "")
                self.init_error_type = responses.known_error_type(kind)
                self._on_move("init/error")
            self._changed.notify_all()
        return Response.of_json(202, {"status": "OK"})
