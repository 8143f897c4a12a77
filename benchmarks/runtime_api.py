"""As much of Lambda's APIs as a start needs: registers, subscribes, and has no event."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class RuntimeApi(ThreadingHTTPServer):
    """On a port of its own; a context manager."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.over = threading.Event()

    @property
    def address(self) -> str:
        """For ``AWS_LAMBDA_RUNTIME_API``."""
        return f"127.0.0.1:{self.server_port}"

    def __enter__(self) -> RuntimeApi:
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
        self.over.set()
        self.shutdown()
        self._thread.join(5)
        self.server_close()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The next event: there is none."""
        assert isinstance(self.server, RuntimeApi)
        self.server.over.wait()

    def do_POST(self) -> None:
        """Yes to everything."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"functionName":"bench","functionVersion":"1","handler":"a.b"}'
        self.send_response(200)
        self.send_header("Lambda-Extension-Identifier", "0" * 8 + "-0000-0000-0000-" + "0" * 12)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""
