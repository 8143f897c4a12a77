"""The one runtime of an environment on demand, and its calls: next, response, error, restore.

What its calls have in common with those of Managed Instances is in `runtime_calls`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import responses, runtime_calls
from ._state import IllegalMoveError, RuntimeState, move_runtime, refusal
from .extensions_api import CLIENT_CHECK_SECONDS
from .http_server import Request, Response

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from .invocation import Invocation


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
        return runtime_calls.route(
            request,
            {
                ("GET", "invocation/next"): self._next,
                ("POST", "init/error"): self._init_error,
                ("GET", "restore/next"): self._restore_next,
                ("POST", "restore/error"): self._restore_error,
            },
            {"response": self._response, "error": self._error},
        )

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
        return Response(200, invocation.event, runtime_calls.next_headers(invocation, self._arn))

    def _response(self, request: Request, request_id: str) -> Response:
        streamed = runtime_calls.is_streamed(request)
        with self._changed:
            invocation = runtime_calls.meant(request, request_id, self._current)
            if isinstance(invocation, Response):
                return invocation
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
                return runtime_calls.invalid_request_id()  # ended by the platform meanwhile
            if streamed:
                self.state = move_runtime(self.state, "response")
            answer = runtime_calls.take_response(invocation, request, body, failure)
            self._on_move("response")
            self._changed.notify_all()
        return answer

    def _error(self, request: Request, request_id: str) -> Response:
        with self._changed:
            invocation = runtime_calls.meant(request, request_id, self._current)
            if isinstance(invocation, Response):
                return invocation
            try:
                self.state = move_runtime(self.state, "error")
            except IllegalMoveError as error:
                return _invalid_state(str(error))
            answer = runtime_calls.take_error(invocation, request)
            self._on_move("error")
            self._changed.notify_all()
        return answer

    def _init_error(self, request: Request) -> Response:
        with self._changed:
            try:
                self.state = move_runtime(self.state, "init/error")
            except IllegalMoveError as error:
                return _invalid_state(str(error))
            self.init_error = request.body
            self.init_error_type = runtime_calls.reported_error_type(request)
            self._on_move("init/error")
            self._changed.notify_all()
        return runtime_calls.accepted()

    def _restore_next(self, _: Request) -> Response:
        """Only a copy gets to ask: it is told at once that it was restored.

        A runtime that was not started by our own bootstrap asks in its one and only life.
        """
        with self._changed:
            if not self._snap_start or self.state is not RuntimeState.STARTED:
                return _invalid_state(refusal(self.state.value, "RestoreReady", "runtime"))
            self._on_move("restore/next")
        return Response(200)

    def _restore_error(self, _: Request) -> Response:
        with self._changed:
            if not self._snap_start or self.state is not RuntimeState.STARTED:
                return _invalid_state(refusal(self.state.value, "RestoreError", "runtime"))
            self.state = RuntimeState.INIT_ERROR
            self._on_move("restore/error")
            self._changed.notify_all()
        return runtime_calls.accepted()


def _invalid_state(message: str) -> Response:
    return Response.error(403, "InvalidStateTransition", message)
