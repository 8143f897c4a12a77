"""The telemetry listener: takes POSTs from the platform, answers at once. No thread of its own.

The extension's loop polls the descriptors and calls ``ready``. Everything a peer can make us
keep is bounded: connections, time, headers, body.
"""

from __future__ import annotations

import _socket

from firehose_logging import _http
from firehose_logging._diagnostics import tell
from firehose_logging._extension.subscription import MAX_CONNECTIONS
from firehose_logging._limits import MAX_TELEMETRY_BODY_BYTES

#: Seconds a connection may take over one request.
REQUEST_TIMEOUT = 5.0

#: Where the platform and its emulators post from: loopback (127.0.0.0/8), or an address of the
#: sandbox (169.254.0.0/16; 169.254.100.1 and 169.254.100.6 were seen on the service).
_PEERS = ("127.", "169.254.")

#: Seconds without a look at the port after a connection could not be taken, for want of a
#: descriptor: it goes on waiting, and looking again at once would take a whole processor.
PAUSE = 1.0

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NOT_ALLOWED = b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Connection:
    __slots__ = ("parser", "socket", "started")

    def __init__(self, sock: _socket.socket) -> None:
        self.socket = sock
        self.parser = _http.Parser(MAX_TELEMETRY_BODY_BYTES)
        self.started: float | None = None


class Listener:
    """Accepts telemetry on a port that is listened on already.

    Args:
        server: as of ``subscription.open_port``; closed by us.
        api_host: address of Lambda's API, which may post too; None allows loopback and the
            sandbox's addresses alone.
    """

    def __init__(self, server: _socket.socket, *, api_host: str | None = None) -> None:
        self._server = server
        self.port: int = server.getsockname()[1]
        self._api_host = api_host
        # All mutable state, the connections by descriptor.
        self._connections: dict[int, _Connection] = {}
        self._paused_until: float | None = None
        #: Batches that were too large or no HTTP at all, and connections from elsewhere.
        self.refused = 0

    def filenos(self) -> list[int]:
        """Descriptors to poll for reading."""
        if self._paused_until is not None:
            return [*self._connections]
        return [self._server.fileno(), *self._connections]

    def wakes_at(self, now: float) -> float | None:
        """When to call ``expire`` at the latest; None when only a peer can change anything."""
        times = [
            c.started + REQUEST_TIMEOUT for c in self._connections.values() if c.started is not None
        ]
        if self._paused_until is not None:
            times.append(self._paused_until)
        return max(now, min(times)) if times else None

    def ready(self, fileno: int, now: float) -> list[bytes]:
        """A descriptor is readable; returns the bodies of the POSTs that are now complete."""
        if fileno == self._server.fileno():
            self._accept(now)
            return []
        connection = self._connections.get(fileno)
        return [] if connection is None else self._read(connection, now)

    def _accept(self, now: float) -> None:
        try:
            # _socket's accept gives the bare descriptor.
            fileno, address = self._server._accept()  # type: ignore[attr-defined]  # noqa: SLF001
        except BlockingIOError:
            return  # the peer has gone again
        except OSError as error:
            self._paused_until = now + PAUSE
            tell(f"telemetry has to wait: {error.strerror}", code="telemetry_waits", once="accept")
            return
        sock = _socket.socket(fileno=fileno)
        if not self._is_platform(address[0]) or not self._has_room():
            sock.close()
            return
        sock.setblocking(False)
        self._connections[fileno] = _Connection(sock)

    def _is_platform(self, host: str) -> bool:
        """Whether telemetry may come from there; the first that may not is told."""
        if host.startswith(_PEERS) or host == self._api_host:
            return True
        self.refused += 1
        tell(
            f"a connection from {host} to the telemetry port was closed; only the platform's own "
            "addresses may post",
            code="telemetry_stranger",
            once="stranger",
        )
        return False

    def _has_room(self) -> bool:
        """Whether one more connection is allowed; the oldest idle one goes to make room."""
        if len(self._connections) < MAX_CONNECTIONS:
            return True
        for connection in self._connections.values():
            if connection.started is None:
                self._drop(connection)
                return True
        return False

    def _read(self, connection: _Connection, now: float) -> list[bytes]:
        bodies: list[bytes] = []
        try:
            data = connection.socket.recv(262_144)
            if not data:
                self._drop(connection)
                return bodies
            if connection.started is None:
                connection.started = now
            for message in connection.parser.feed(data):
                if message.start[0] not in ("POST", "PUT"):
                    connection.socket.send(_NOT_ALLOWED)
                    self._drop(connection)
                    return bodies
                bodies.append(message.body)
                connection.socket.send(_OK)
            if connection.parser.idle:
                connection.started = None
            elif connection.parser.wants_continue():
                connection.socket.send(_CONTINUE)
        except BlockingIOError:
            return bodies
        except _http.HttpError:
            self.refused += 1
            self._drop(connection)
        except OSError:
            self._drop(connection)
        return bodies

    def expire(self, now: float) -> None:
        """Drop connections that take too long over a request; look at the port again."""
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
        for connection in list(self._connections.values()):
            if connection.started is not None and now - connection.started > REQUEST_TIMEOUT:
                self.refused += 1
                self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._connections.pop(connection.socket.fileno(), None)
        connection.socket.close()

    def close(self) -> None:
        """Close every connection and the port."""
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._server.close()
