"""A server on loopback that answers on a thread of its own."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class Server(ThreadingHTTPServer):
    """On a port of its own; a context manager.

    Args:
        answers: what answers each request.
    """

    daemon_threads = True

    def __init__(self, answers: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), answers)

    def __enter__(self) -> Server:
        """Start it."""
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.shutdown()
        self._thread.join(5)
        self.server_close()


class Answers(BaseHTTPRequestHandler):
    """Answers on connections that are kept, and says nothing of it."""

    protocol_version = "HTTP/1.1"
    #: Head and body of an answer go out in two writes; Nagle would hold the second one back.
    disable_nagle_algorithm = True

    def read(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, body: bytes, **headers: str) -> None:
        """Success, with these headers, ``_`` standing for ``-``."""
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""
