"""The Runtime API of Managed Instances: several workers of one runtime, an invocation each.

Rules: "Lambda Managed Instances" of the developer guide; where that is silent,
`internal/lambda-managed-instances` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from . import responses, runtime_calls
from ._state import RuntimeState
from .extensions_api import CLIENT_CHECK_SECONDS
from .http_server import Request, Response

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
        self._life = 0
        self.begin()

    # Called by the environment, with the lock held.

    def begin(self) -> None:
        """A new runtime process; calls and invocations of the former one are given up."""
        self._life += 1
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
        return runtime_calls.route(
            request,
            {
                ("GET", "invocation/next"): self._next,
                ("POST", "init/error"): self._init_error,
            },
            {"response": self._response, "error": self._error},
        )

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
        return Response(200, invocation.event, runtime_calls.next_headers(invocation, self._arn))

    def _response(self, request: Request, request_id: str) -> Response:
        invocation = self._named(request, request_id)
        if isinstance(invocation, Response):
            return invocation
        streamed_to = invocation if runtime_calls.is_streamed(request) else None
        # Without the lock: a stream may take as long as the invocation.
        body, failure = responses.receive(request, streamed_to)
        return self._answered(
            invocation,
            "response",
            lambda: runtime_calls.take_response(invocation, request, body, failure),
        )

    def _error(self, request: Request, request_id: str) -> Response:
        invocation = self._named(request, request_id)
        if isinstance(invocation, Response):
            return invocation
        return self._answered(
            invocation, "error", lambda: runtime_calls.take_error(invocation, request)
        )

    def _named(self, request: Request, request_id: str) -> Invocation | Response:
        """Return the invocation that runs and is meant, or the refusal."""
        with self._changed:
            return runtime_calls.meant(request, request_id, self._running.get(request_id))

    def _answered(
        self, invocation: Invocation, move: str, take: Callable[[], Response]
    ) -> Response:
        """Let the worker go; give the caller what it has, unless the time was up before."""
        with self._changed:
            if self._running.pop(invocation.request_id, None) is None:
                return runtime_calls.invalid_request_id()
            answer = take() if invocation.result is None else runtime_calls.accepted()
            self._on_move(move)
            self._changed.notify_all()
        return answer

    def _init_error(self, request: Request) -> Response:
        with self._changed:
            if self.state is RuntimeState.STARTED:
                self.state = RuntimeState.INIT_ERROR
                self.init_error = request.body
                self.init_error_type = runtime_calls.reported_error_type(request)
                self._on_move("init/error")
            self._changed.notify_all()
        return runtime_calls.accepted()
