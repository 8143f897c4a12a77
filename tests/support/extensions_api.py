"""Lambda's Extensions and Telemetry API as the companion sees it, on a real socket, for tests."""

from __future__ import annotations

import http.client
import json
import threading
from collections import deque
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tools.waiting import DEADLINE, wait_until

IDENTIFIER = "11111111-2222-3333-4444-555555555555"


class ExtensionsApi:
    """Answers register and subscribe at once, and each question for the next event when told.

    Args:
        register: status of the answer to register, and its error type.
        subscribe: status of the answer to subscribe.
    """

    def __init__(
        self, *, register: tuple[int, str] = (200, ""), subscribe: int = 200, port: int = 0
    ) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        #: Questions for the next event so far, and how many wait for an answer.
        self.asked = 0
        self.waiting = 0
        self._register, self._subscribe = register, subscribe
        self._answers: deque[tuple[int, dict[str, Any]]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port: int = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    # -- what a test does -------------------------------------------------------------------

    def answer(self, status: int, **body: Any) -> None:
        """Answer a question for the next event, or the next one that is put."""
        with self._changed:
            self._answers.append((status, body))
            self._changed.notify_all()

    def invoke(self, request_id: str, deadline_ms: float, **more: Any) -> None:
        """Answer with an INVOKE event."""
        self.answer(200, eventType="INVOKE", requestId=request_id, deadlineMs=deadline_ms, **more)

    def wait_asked(self, times: int) -> None:
        """Wait until the next event was asked for so many times, and the last one waits."""
        wait_until(
            lambda: self.asked >= times and self.waiting, what=f"question {times} for an event"
        )
        assert self.asked == times

    def subscription(self) -> dict[str, Any]:
        """What was subscribed to."""
        return next(body for path, body in self.requests if path.endswith(("telemetry", "logs")))

    def post_telemetry(self, *events: dict[str, Any]) -> None:
        """Post a batch of events to who has subscribed."""
        port = int(self.subscription()["destination"]["URI"].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        with closing(connection):
            connection.request("POST", "/", json.dumps(events))
            assert connection.getresponse().status == 200

    def close(self) -> None:
        """Go away, as the environment's end or an outage of the API would."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # -- what the server does ---------------------------------------------------------------

    def next_event(self) -> tuple[int, dict[str, Any]] | None:
        """Wait for what a test answers; None at the end."""
        with self._changed:
            self.asked += 1
            self.waiting += 1
            self._changed.wait_for(lambda: self._answers or self._closing)
            self.waiting -= 1
            return self._answers.popleft() if self._answers else None

    def reply(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to a call that is answered at once."""
        self.requests.append((path, body))
        if not path.endswith("register"):
            return self._subscribe, {}
        status, kind = self._register
        return status, {"errorType": kind, "errorMessage": "as told"} if kind else {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    api: ExtensionsApi
    protocol_version = "HTTP/1.1"

    def _body(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        parsed: dict[str, Any] = json.loads(self.rfile.read(length) or b"{}")
        return parsed

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Lambda-Extension-Identifier", IDENTIFIER)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        """The next event."""
        answer = self.api.next_event()
        if answer is None:
            self.close_connection = True
            return
        self._send(*answer)

    def do_POST(self) -> None:
        """Register."""
        self._send(*self.api.reply(self.path, self._body()))

    do_PUT = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *args: object) -> None:
        """Say nothing on stderr."""
