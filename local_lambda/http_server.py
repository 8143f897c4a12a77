"""A small threaded HTTP/1.1 server on the loopback address, made for long polls.

One thread a connection, keep-alive, bodies by length or chunked. A handler may wait as long as it
likes and ask `Request.client_gone()` meanwhile. `http.server` is not used because it neither
decodes chunked bodies nor lets its waiting threads be ended in an orderly way.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import io

#: No request of a runtime comes near it: the largest legal body is a response of 6 MB.
MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_HEADER_BYTES = 2 * 1024 * 1024  # an X-Ray cause header may be up to 1 MiB
ACCEPT_POLL_SECONDS = 0.1


class Body:
    """The body of a request, read when it is asked for: whole, or in chunks as they come.

    `trailers` are the fields after a chunked body, names in lower case, once it was read. Reading
    raises `BadRequestError` when the body breaks the rules or ends too soon.
    """

    def __init__(self, stream: io.BufferedReader, headers: Mapping[str, str]) -> None:
        self._stream = stream
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self._length = 0 if self._chunked else _content_length(headers)
        self._whole: bytes | None = None
        self.trailers: dict[str, str] = {}

    def read(self, limit: int = MAX_BODY_BYTES) -> bytes:
        """Return the whole body; it is kept."""
        if self._whole is None:
            body = bytearray()
            for chunk in self.chunks():
                body += chunk
                if len(body) > limit:
                    raise BadRequestError(f"chunked body is over {limit} bytes")
            self._whole = bytes(body)
        return self._whole

    def chunks(self) -> Iterator[bytes]:
        """Yield the body piece by piece, each as soon as it is there; once."""
        self._whole = b""
        if not self._chunked:
            data = self._stream.read(self._length)
            if len(data) < self._length:
                raise BadRequestError("HTTP request detected as truncated")
            if data:
                yield data
            return
        while True:
            try:
                length = int(self._stream.readline(1024).split(b";")[0], 16)
            except ValueError:
                raise BadRequestError("chunk length is no hexadecimal number") from None
            if not 0 <= length <= MAX_BODY_BYTES:
                raise BadRequestError(f"chunked body is over {MAX_BODY_BYTES} bytes")
            if length == 0:
                break
            data = self._stream.read(length)
            if len(data) < length:
                raise BadRequestError("HTTP request detected as truncated")
            yield data
            self._stream.readline(8)
        self.trailers = _read_fields(self._stream)


@dataclass(frozen=True)
class Request:
    """One parsed request; header names are lower case. `begun_at` is monotonic seconds."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: Body = field(repr=False)
    connection: socket.socket = field(repr=False)
    begun_at: float = field(default_factory=time.monotonic)

    @property
    def body(self) -> bytes:
        """The whole body."""
        return self.content.read()

    def client_gone(self) -> bool:
        """Tell whether the peer has closed its side, without reading anything."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True


@dataclass(frozen=True)
class Response:
    """What goes back: `body` with its length, or `chunks` one by one.

    A header may have several values, each of which is a field.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    chunks: Iterator[bytes] | None = None

    @classmethod
    def of_json(cls, status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
        """Return a response whose body is `value` as JSON."""
        merged = {"Content-Type": "application/json", **(headers or {})}
        return cls(status, json.dumps(value).encode(), merged)

    @classmethod
    def error(cls, status: int, error_type: str, message: str) -> Response:
        """Return the error body that all Lambda APIs share."""
        return cls.of_json(status, {"errorMessage": message, "errorType": error_type})


Handler = Callable[[Request], "Response | None"]


class BadRequestError(Exception):
    """Bytes that are no HTTP request this server takes."""


class HttpServer:
    """Listen on an address of this machine and call `handler` for each request.

    `handler` returns a `Response`, or None to close the connection without a word.
    Bodies are read before it is called, but for those of requests with the header `streamed_by`.
    `port` 0 takes a free one; `listener` is a
    socket that listens already. Raises `OSError` with the port in the message when it is taken.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        name: str,
        host: str = "127.0.0.1",
        port: int = 0,
        streamed_by: str = "",
        listener: socket.socket | None = None,
    ) -> None:
        self._handler = handler
        self._streamed_by = streamed_by
        self._name = name
        self._lock = threading.Lock()
        self._closing = False
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._listener = listener or _listen(host, port)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)
        self._acceptor.start()

    @property
    def address(self) -> str:
        """`host:port`, as in AWS_LAMBDA_RUNTIME_API."""
        return f"{self.host}:{self.port}"

    def close(self, timeout: float = 5.0) -> None:
        """Close every connection and wait up to `timeout` seconds for the threads; idempotent."""
        with self._lock:
            self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the acceptor at once on Linux
        self._acceptor.join(timeout)
        self._listener.close()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(timeout)

    def _accept(self) -> None:
        while not self._closing:
            with contextlib.suppress(OSError, ValueError):
                if not select.select([self._listener], [], [], ACCEPT_POLL_SECONDS)[0]:
                    continue
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(
                    target=self._serve,
                    args=(connection,),
                    name=f"{self._name}-connection",
                    daemon=True,
                )
                with self._lock:
                    self._connections[connection] = thread
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                try:
                    self._answer_all(stream, connection)
                except BadRequestError as error:
                    refusal = Response.error(400, "InvalidRequestFormat", str(error))
                    connection.sendall(render(refusal, keep_alive=False))
        except (OSError, ValueError):
            pass  # the client went away; its process may have been killed on purpose
        finally:
            with self._lock:
                self._connections.pop(connection, None)

    def _answer_all(self, stream: io.BufferedReader, connection: socket.socket) -> None:
        while (request := read_request(stream, connection)) is not None:
            if self._streamed_by not in request.headers:
                request.content.read()  # no handler waits for a slow client with a lock held
            response = self._handler(request)
            if response is None:
                return
            request.content.read()  # what the handler did not want
            keep = request.headers.get("connection", "").lower() != "close"
            answer = render(response, keep_alive=keep)
            if request.method == "HEAD":  # a function URL's caller may ask so: no body follows
                connection.sendall(answer.removesuffix(response.body))
                for _ in response.chunks or ():
                    continue  # what answers goes on to its end
            else:
                connection.sendall(answer)
                _send_chunks(connection, response)
            if not keep:
                return


def _send_chunks(connection: socket.socket, response: Response) -> None:
    if response.chunks is None:
        return
    for chunk in response.chunks:
        if chunk:
            connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    connection.sendall(b"0\r\n\r\n")


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise ValueError(f"port {port}: use 1 to 65535, or 0 for a free one")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno,
            f"cannot listen on {host}:{port} ({error.strerror}); "
            "choose another port, or 0 for a free one",
        ) from error
    listener.listen(128)
    return listener


def render(response: Response, *, keep_alive: bool) -> bytes:
    """Return the response as bytes, head and body in one piece."""
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    for name, values in response.headers.items():
        for value in [values] if isinstance(values, str) else values:
            lines.append(" ".join(f"{name}: {value}".splitlines()))
    if response.chunks is not None:
        lines.append("Transfer-Encoding: chunked")
    elif response.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(response.body)}")
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + response.body


def read_request(stream: io.BufferedReader, connection: socket.socket) -> Request | None:
    """Read one request, or return None when the client is done; raise `BadRequestError`."""
    line = stream.readline(MAX_HEADER_BYTES)
    if not line.strip():
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError("not an HTTP/1.x request line")
    headers = _read_fields(stream)
    if parts[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")  # RFC 9112, 9.3: kept only where it is asked for
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(parts[0].upper(), parts[1], headers, Body(stream, headers), connection)


def _read_fields(stream: io.BufferedReader) -> dict[str, str]:
    """Read header or trailer fields up to the empty line."""
    fields: dict[str, str] = {}
    size = 0
    while (line := stream.readline(MAX_HEADER_BYTES)) not in (b"\r\n", b"\n"):
        size += len(line)
        if not line or size > MAX_HEADER_BYTES:
            raise BadRequestError("headers are cut off or too large")
        name, _, value = line.decode("utf-8", "replace").partition(":")
        fields[name.strip().lower()] = value.strip()
    return fields


def _content_length(headers: Mapping[str, str]) -> int:
    try:
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise BadRequestError("Content-Length is no number") from None
    if not 0 <= length <= MAX_BODY_BYTES:
        raise BadRequestError(f"Content-Length must be 0 to {MAX_BODY_BYTES}")
    return length
