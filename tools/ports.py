"""Ports for programs that are told which one to listen on."""

from __future__ import annotations

import os
import secrets
import socket
from collections import deque

#: Below what Linux gives to those who ask for any port, 32768 on (ip(7), ip_local_port_range): a
#: port from there may be somebody else's before the program listens on it.
PORTS = range(16384, 32768)
#: Ports that one process keeps at a time; the oldest is given back for the next one.
KEPT = 64

_marks: deque[int] = deque()  # descriptors: what a process holds at its end warns of nothing


def free_port() -> int:
    """A port of the loopback address that nobody listens on; no other process here gets it too.

    Processes tell one another by a socket with a name in Linux's abstract namespace, which is gone
    when the process is.
    """
    while True:
        port = secrets.choice(PORTS)
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind(f"\0firehose-logging-port-{port}")
            with socket.create_server(("127.0.0.1", port)):
                pass
        except OSError:
            mark.close()
            continue
        _marks.append(mark.detach())
        if len(_marks) > KEPT:
            os.close(_marks.popleft())
        return port
