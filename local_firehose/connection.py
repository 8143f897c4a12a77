"""One client connection: reading requests, sending answers, and breaking off in every way."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

#: Largest head of a request; the service's own number is not published.
MAX_HEAD_BYTES = 64 * 1024

_CHUNK = 256 * 1024
#: SO_LINGER on with 0 seconds: close() sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


class BadRequestError(Exception):
    """The bytes received are no HTTP request that can be answered."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Head:
    """Request line and headers.

    Args:
        method: HTTP method.
        path: path with query, as received.
        headers: by lower-case name; repeated ones joined by a comma, as SigV4 wants them.
        size: bytes on the wire.
        keep_alive: False when the client closes after the answer.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    size: int
    keep_alive: bool

    def body_length(self) -> int:
        """Return the length of the body.

        Raises:
            BadRequestError: it is not announced by Content-Length.
        """
        if "transfer-encoding" in self.headers:
            raise BadRequestError(411, "Transfer-Encoding is not accepted; send Content-Length")
        text = self.headers.get("content-length", "0")
        if not text.isascii() or not text.isdigit():
            raise BadRequestError(400, f"Content-Length {text!r} is no length")
        return int(text)


class Connection:
    """A connection and what was read from it but not used yet; one thread reads and writes it."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.number = number
        self._socket = sock
        self._buffer = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as a TLS server.

        Raises:
            OSError: the client does not speak TLS, or refuses the certificate.
        """
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def wait_readable(self) -> bool:
        """Wait for the first bytes of a request; False when the client left instead.

        Raises:
            OSError: the connection broke.
        """
        if not self._buffer:
            self._buffer += self._socket.recv(_CHUNK)
        return bool(self._buffer)

    def read_head(self) -> Head | None:
        """Read request line and headers; None when the client closed between requests.

        Raises:
            BadRequestError: malformed, or longer than 64 KiB.
            OSError: the connection broke.
        """
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequestError(431, "The head of the request is too long")
            data = self._socket.recv(_CHUNK)
            if not data:
                return None
            self._buffer += data
        text = self._buffer[:end].decode("iso-8859-1")
        del self._buffer[: end + 4]
        return _parse_head(text, end + 4)

    def read_body(self, length: int) -> bytes:
        """Read a body of `length` bytes.

        Raises:
            OSError: the client left before it was complete.
        """
        while len(self._buffer) < length:
            data = self._socket.recv(_CHUNK)
            if not data:
                raise ConnectionError("the client closed before the body was complete")
            self._buffer += data
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def send(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            OSError: the connection broke.
        """
        self._socket.sendall(data)

    def hold(self) -> None:
        """Read and forget until the client leaves or `shutdown` is called."""
        try:
            while self._socket.recv(_CHUNK):
                pass
        except OSError:
            pass

    def reset(self) -> None:
        """Close at once with a TCP reset."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass
        self._socket.close()

    def shutdown(self) -> None:
        """Wake the thread that reads or writes; may be called from another thread."""
        try:
            # The plain socket's method: SSLSocket.shutdown would drop the TLS state under a reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        """Close; may be called again."""
        self._socket.close()


def _parse_head(text: str, size: int) -> Head:
    lines = text.split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadRequestError(400, f"{lines[0][:100]!r} is no request line of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError(400, f"{line[:100]!r} is no header")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    method, target, version = words
    if target.startswith("http"):
        parts = urlsplit(target)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    option = headers.get("connection", "").lower()
    keep_alive = option != "close" if version == "HTTP/1.1" else option == "keep-alive"
    return Head(method, target, headers, size, keep_alive)
