from __future__ import annotations

import contextlib
import http.client
import os
import resource
import select
import socket
import struct
import threading

import pytest

from firehose_logging._extension import listener as _listener
from firehose_logging._extension.listener import PAUSE, REQUEST_TIMEOUT, Listener
from firehose_logging._extension.subscription import MAX_CONNECTIONS, open_port
from firehose_logging._limits import MAX_TELEMETRY_BODY_BYTES
from tools.waiting import wait_until


class Loop:
    """Polls a listener as the extension does, on a thread."""

    def __init__(self, api_host: str | None = None) -> None:
        self.listener = Listener(open_port(0), api_host=api_host)
        self.bodies: list[bytes] = []
        self.now = 1_000.0
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._wake, *self.listener.filenos()], [], [], 10)
            if self._wake in ready:
                return
            for fileno in ready:
                self.bodies += self.listener.ready(fileno, self.now)
            self.listener.expire(self.now)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.listener.port), timeout=10)

    def close(self) -> None:
        self._waker.send(b"x")
        self._thread.join(10)
        self._wake.close()
        self._waker.close()
        self.listener.close()


@pytest.fixture
def loop():
    """A listener that is served."""
    loop = Loop()
    yield loop
    loop.close()


def post(body: bytes, head: bytes = b"") -> bytes:
    """A POST as bytes."""
    return b"POST / HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def answer(sock: socket.socket) -> bytes:
    """All that comes until the answer's head is complete or the connection closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(1_000)
        if not piece:
            break
        data += piece
    return data


def closed(sock: socket.socket) -> bool:
    """Whether the other side closes, with or without a reset."""
    try:
        while sock.recv(1_000):
            pass
    except ConnectionError:
        pass
    return True


def test_a_real_client(loop):
    """The standard library's client posts twice over one connection, plain and in chunks."""
    client = http.client.HTTPConnection("127.0.0.1", loop.listener.port, timeout=10)
    for body in (b"[1]", iter([b"[2", b"]"])):
        client.request("POST", "/", body, encode_chunked=not isinstance(body, bytes))
        assert client.getresponse().read() == b""
    client.close()

    wait_until(lambda: loop.bodies == [b"[1]", b"[2]"])


def test_pipelined_and_dripping(loop):
    """Several requests in one packet are all taken, and one that comes byte by byte."""
    with loop.connect() as sock:
        sock.sendall(post(b"a") + post(b"b"))
        assert answer(sock).startswith(b"HTTP/1.1 200")
        for byte in post(b"c"):
            sock.sendall(bytes([byte]))
        sock.shutdown(socket.SHUT_WR)
        assert closed(sock)

    wait_until(lambda: loop.bodies == [b"a", b"b", b"c"])


def test_largest_batch(loop):
    """The largest batch the platform may send is taken; a larger one is refused and counted."""
    with loop.connect() as sock:
        sock.sendall(post(b"x" * MAX_TELEMETRY_BODY_BYTES))
        assert answer(sock).startswith(b"HTTP/1.1 200")
    with loop.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (2**23))
        assert closed(sock)

    wait_until(lambda: [len(body) for body in loop.bodies] == [MAX_TELEMETRY_BODY_BYTES])
    assert loop.listener.refused == 1


def test_expect_continue(loop):
    """A client that asks first is told to go on."""
    with loop.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert answer(sock).startswith(b"HTTP/1.1 100")
        sock.sendall(b"[]")
        assert answer(sock).startswith(b"HTTP/1.1 200")

    wait_until(lambda: loop.bodies == [b"[]"])


@pytest.mark.parametrize("method", [b"GET", b"DELETE", b"OPTIONS"])
def test_other_methods(loop, method):
    """Anything but a POST or PUT is refused and the connection closed."""
    with loop.connect() as sock:
        sock.sendall(method + b" / HTTP/1.1\r\n\r\n")
        assert answer(sock).startswith(b"HTTP/1.1 405")
        assert closed(sock)

    assert loop.bodies == []


def test_garbage_is_dropped(loop):
    """What is no HTTP closes its connection and no other."""
    with loop.connect() as good, loop.connect() as bad:
        good.sendall(post(b"whole")[:-2])
        bad.sendall(b"\x16\x03\x01 TLS, or something\r\n\r\n")
        assert closed(bad)
        good.sendall(b"le")
        assert answer(good).startswith(b"HTTP/1.1 200")

    wait_until(lambda: loop.bodies == [b"whole"])
    assert loop.listener.refused == 1


def test_slow_request_is_dropped(loop):
    """A request that takes too long loses its connection."""
    with loop.connect() as slow, loop.connect() as other:
        slow.sendall(b"POST / HTTP/1.1\r\n")
        other.sendall(post(b"1"))
        assert answer(other).startswith(b"HTTP/1.1 200")
        assert loop.listener.wakes_at(loop.now) == loop.now + REQUEST_TIMEOUT
        loop.now += REQUEST_TIMEOUT + 0.1
        other.sendall(post(b"2"))
        assert answer(other).startswith(b"HTTP/1.1 200")
        assert closed(slow)
        # The answer may be here before the loop has noted that it was sent.
        wait_until(lambda: loop.listener.wakes_at(loop.now) is None, what="no time to wake at")


def test_reset_connection(loop):
    """A connection that is reset in the middle of a request is forgotten."""
    sock = loop.connect()
    sock.sendall(b"POST / HTTP/1.1\r\n")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    with loop.connect() as other:
        other.sendall(post(b"x"))
        assert answer(other).startswith(b"HTTP/1.1 200")


def test_connections_are_bounded(loop):
    """When every connection is in the middle of a request, one more is closed at once."""
    socks = [loop.connect() for _ in range(MAX_CONNECTIONS)]
    try:
        for sock in socks:
            sock.sendall(post(b"x") + b"POST")
            assert answer(sock).startswith(b"HTTP/1.1 200")
        with loop.connect() as extra:
            assert closed(extra)
        socks[0].sendall(post(b"y")[4:])
        assert answer(socks[0]).startswith(b"HTTP/1.1 200")
        assert len(loop.listener.filenos()) == MAX_CONNECTIONS + 1
    finally:
        for sock in socks:
            sock.close()


def test_idle_connections_do_not_lock_the_platform_out(loop):
    """Connections that never send anything make room for one that does."""
    socks = [loop.connect() for _ in range(MAX_CONNECTIONS)]
    try:
        socks[-1].sendall(post(b"x"))
        assert answer(socks[-1]).startswith(b"HTTP/1.1 200")
        loop.now += 10 * REQUEST_TIMEOUT
        with loop.connect() as late:
            late.sendall(post(b"telemetry"))
            assert answer(late).startswith(b"HTTP/1.1 200")
    finally:
        for sock in socks:
            sock.close()


def test_taken_port():
    """A port that is taken is an OSError with a reason, and leaks no descriptor."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        open_port(other.getsockname()[1])


def test_port_is_free_again():
    """A closed listener's port can be listened on at once."""
    first = Listener(open_port(0))
    first.close()

    open_port(first.port).close()


def test_only_the_platforms_addresses_are_let_in(loop, monkeypatch):
    """A peer from an address that the platform does not post from is closed without an answer."""
    monkeypatch.setattr(_listener, "_PEERS", ("169.254.",))  # so that the loopback is not allowed
    with loop.connect() as sock:
        sock.sendall(post(b"x"))
        assert closed(sock)

    assert loop.bodies == []
    assert len(loop.listener.filenos()) == 1


def test_the_first_refused_is_told(monkeypatch, capfd):
    """Each connection from elsewhere is counted and closed; the first is told with its address."""
    monkeypatch.setattr(_listener, "_PEERS", ("169.254.",))
    loop = Loop()
    try:
        for _ in range(2):
            with loop.connect() as sock:
                assert closed(sock)
        assert loop.listener.refused == 2
        assert capfd.readouterr().err.count("from 127.0.0.1") == 1
    finally:
        loop.close()


def test_lambdas_own_address_may_post(monkeypatch, capfd):
    """Whatever address the API answers from may post, too."""
    monkeypatch.setattr(_listener, "_PEERS", ("169.254.",))
    loop = Loop(api_host="127.0.0.1")
    try:
        with loop.connect() as sock:
            sock.sendall(post(b"1"))
            assert answer(sock).startswith(b"HTTP/1.1 200")
        assert loop.listener.refused == 0
    finally:
        loop.close()
    assert capfd.readouterr().err == ""


def test_no_descriptor_is_left(capfd):
    """A connection that cannot be taken waits a moment; the port is not looked at meanwhile."""
    listener = Listener(open_port(0))
    spent = []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as sock:
            poll = select.poll()  # select itself needs no descriptor
            poll.register(listener.filenos()[0], select.POLLIN)
            assert poll.poll(10_000)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(listener.filenos()[0], 64), before[1]))
            with contextlib.suppress(OSError):
                while True:
                    spent.append(os.open(os.devnull, os.O_RDONLY))
            listener.ready(listener.filenos()[0], 100.0)
            assert listener.filenos() == []
            assert listener.wakes_at(100.0) == 100.0 + PAUSE

            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            listener.expire(100.0 + PAUSE)
            assert poll.poll(0)
            listener.ready(listener.filenos()[0], 100.0 + PAUSE)
            assert len(listener.filenos()) == 2
            sock.sendall(post(b"1"))
            assert poll_for(listener.filenos()[1])
            assert listener.ready(listener.filenos()[1], 101.0) == [b"1"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for fileno in spent:
            os.close(fileno)
        listener.close()
    assert "telemetry has to wait: Too many open files" in capfd.readouterr().err


def poll_for(fileno: int) -> bool:
    """Whether a descriptor becomes readable."""
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(10_000))
