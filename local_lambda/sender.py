"""Send batches of telemetry to a listener on this machine."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: A listener that has not answered for so long (frozen time not counted) is tried again.
POST_TIMEOUT_SECONDS = 10.0
SLICE_SECONDS = 0.1


@dataclass(frozen=True)
class Destination:
    """Where events go: HTTP (POST or PUT of a JSON array) or TCP (a JSON object a line)."""

    protocol: str
    port: int
    path: str = "/"
    host: str = "sandbox.localdomain"
    method: str = "POST"


class DeliveryError(Exception):
    """The listener did not take a batch."""


class Sender:
    """Send batches over one kept connection; time while `paused()` is not counted.

    `connect` opens a connection to a port of the environment.

    `http.client` is not used: a frozen listener must be waited for, and its reader cannot go on
    after a timeout.
    """

    def __init__(
        self,
        destination: Destination,
        paused: Callable[[], bool],
        closing: Callable[[], bool],
        connect: Callable[[int], socket.socket],
    ) -> None:
        self._destination = destination
        self._paused = paused
        self._closing = closing
        self._connect = connect
        self._socket: socket.socket | None = None

    def send(self, batch: list[bytes]) -> None:
        """Deliver one batch; raise `DeliveryError` or `OSError`."""
        fresh = self._socket is None
        try:
            self._send(batch)
        except (OSError, DeliveryError):
            self.close()
            if fresh or self._closing():
                raise
            # A kept connection may have been closed by the listener meanwhile: once more, anew.
            try:
                self._send(batch)
            except (OSError, DeliveryError):
                self.close()
                raise

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, batch: list[bytes]) -> None:
        if self._socket is None:
            self._socket = self._connect(self._destination.port)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.settimeout(SLICE_SECONDS)
        if self._destination.protocol == "TCP":
            self._write(b"".join(data + b"\n" for data in batch))
            return
        body = b"[" + b",".join(batch) + b"]"
        head = (
            f"{self._destination.method} {self._destination.path} HTTP/1.1\r\n"
            f"Host: {self._destination.host}:{self._destination.port}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._write(head.encode("latin-1") + body)
        status, keep = self._read_answer()
        if not keep:
            self.close()
        if not 200 <= status < 300:
            raise DeliveryError(f"the listener answered {status}")

    def _write(self, data: bytes) -> None:
        assert self._socket is not None
        view = memoryview(data)
        left = POST_TIMEOUT_SECONDS
        while view:
            try:
                view = view[self._socket.send(view) :]
            except TimeoutError:
                left = self._waited(left)

    def _read_answer(self) -> tuple[int, bool]:
        """Return status and whether the connection may be kept."""
        data = self._read_until(b"", lambda got: b"\r\n\r\n" in got)
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        with contextlib.suppress(IndexError, ValueError):
            status = int(lines[0].split()[1])
            headers = {
                name.strip().lower(): value.strip().lower()
                for name, _, value in (line.partition(":") for line in lines[1:])
            }
            if "content-length" not in headers and status != 204:
                return status, False  # the body ends with the connection; nothing in it matters
            length = int(headers.get("content-length", "0"))
            self._read_until(rest, lambda got: len(got) >= length)
            closes = headers.get("connection") == "close" or lines[0].startswith("HTTP/1.0")
            return status, not closes
        raise DeliveryError("the listener's answer is no HTTP")

    def _read_until(self, data: bytes, enough: Callable[[bytes], bool]) -> bytes:
        assert self._socket is not None
        left = POST_TIMEOUT_SECONDS
        while not enough(data):
            try:
                more = self._socket.recv(65536)
            except TimeoutError:
                left = self._waited(left)
                continue
            if not more:
                raise DeliveryError("the listener closed the connection before it answered")
            data += more
        return data

    def _waited(self, left: float) -> float:
        """Count one slice of waiting; raise when time is up or the subscription is closing."""
        if self._closing():
            raise DeliveryError("the subscription ended")
        if not self._paused():
            left -= SLICE_SECONDS
        if left <= 0:
            raise DeliveryError(f"no answer in {POST_TIMEOUT_SECONDS:g} s")
        return left
