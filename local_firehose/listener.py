"""The listening socket and the threads of its connections."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import TYPE_CHECKING

from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

#: Only this machine may connect, where nothing else is asked for.
HOST = "127.0.0.1"

#: Seconds that `close` waits for each connection's thread; they have been woken before.
_JOIN_SECONDS = 5.0


class Listener:
    """Accepts connections and runs `serve` for each on a thread of its own.

    Args:
        host: address of this machine to listen on.
        port: 0 for any free one.
        serve: handles a connection until it ends.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, host: str, port: int, serve: Callable[[Connection], None]) -> None:
        self._serve = serve
        self._host = host
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        # Mutable state, guarded by `_lock`.
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}
        self._count = 0
        self._acceptor: threading.Thread | None = None
        self._wake: socket.socket | None = None

    def start(self) -> None:
        """Begin to accept; does nothing when already accepting."""
        with self._lock:
            if self._acceptor is not None:
                return
            self._socket.listen(128)
            woken, self._wake = socket.socketpair()
            self._acceptor = threading.Thread(
                target=self._accept,
                args=(self._socket, woken),
                name="local-firehose-listener",
                daemon=True,
            )
            self._acceptor.start()

    def refuse(self) -> None:
        """Stop accepting, break all connections, keep the port; connecting is refused then."""
        self._stop()
        with self._lock:
            # A socket that is bound but does not listen refuses, and nobody else gets the port.
            self._socket.close()
            self._socket = _bound(self._host, self.port)
        self._break_connections()

    def close(self) -> None:
        """Stop accepting, break all connections and wait for their threads."""
        self._stop()
        with self._lock:
            self._socket.close()
        for thread in self._break_connections():
            thread.join(_JOIN_SECONDS)

    def _stop(self) -> None:
        with self._lock:
            acceptor, self._acceptor = self._acceptor, None
            wake, self._wake = self._wake, None
        if acceptor is not None and wake is not None:
            wake.close()
            acceptor.join()

    def _break_connections(self) -> list[threading.Thread]:
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            connection.shutdown()
        return list(connections.values())

    def _accept(self, listening: socket.socket, woken: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, woken:
            selector.register(listening, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if woken in ready:
                    return
                try:
                    sock, _ = listening.accept()
                except OSError:
                    continue  # The client left between select and accept.
                self._start_connection(sock)

    def _start_connection(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        with self._lock:
            self._count += 1
            connection = Connection(sock, self._count)
            thread = threading.Thread(
                target=self._run,
                args=(connection,),
                name=f"local-firehose-connection-{self._count}",
                daemon=True,
            )
            self._open[connection] = thread
        thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            self._serve(connection)
        finally:
            connection.close()
            with self._lock:
                self._open.pop(connection, None)


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(
            error.errno,
            f"port {port} on {host} cannot be used ({error.strerror}); 0 picks a free one",
        ) from None
    sock.setblocking(False)
    return sock
