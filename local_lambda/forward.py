"""From a network of an environment's own to services on this machine, port by port."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK_URL = re.compile(r"https?://(?:127\.0\.0\.1|localhost):(\d+)")
READ_BYTES = 65536


def loopback_ports(values: Iterable[str]) -> list[int]:
    """Return the ports of all URLs in `values` that name this machine."""
    return sorted({int(port) for value in values for port in LOOPBACK_URL.findall(value)})


class Forward:
    """Take connections on `listener` and pass what they say to `port` of this machine."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self._listener = listener
        self._port = port
        self._thread = threading.Thread(target=self._run, name=f"forward-{port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections; idempotent."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5.0)
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._pass_on, args=(inner,), name=f"forward-{self._port}", daemon=True
            ).start()

    def _pass_on(self, inner: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError))
            stack.enter_context(inner)
            outer = stack.enter_context(socket.create_connection(("127.0.0.1", self._port), 5.0))
            outer.settimeout(None)
            other = {inner: outer, outer: inner}
            while other:
                for end in select.select(list(other), [], [])[0]:
                    data = end.recv(READ_BYTES)
                    if data:
                        (outer if end is inner else inner).sendall(data)
                    else:
                        other.pop(end).shutdown(socket.SHUT_WR)
