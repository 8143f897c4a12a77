"""Fuzz targets: the HTTP parser by itself, and the telemetry listener on a real socket."""

from __future__ import annotations

import select
import socket

from hypothesis import strategies as st

from faults.targets.target import Target, cut
from firehose_logging import _http
from firehose_logging._extension.listener import Listener
from firehose_logging._extension.subscription import open_port

MAX_BODY = 4_096

heads = st.sampled_from(
    (
        b"POST / HTTP/1.1\r\n", b"POST  HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 \r\n", b"\r\n", b" \r\n", b"POST / HTTP/2\r\n", b"\xff\xfe HTTP/1.1\r\n",
    )
)  # fmt: skip
headers = st.sampled_from(
    (
        b"Host: a\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
        b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: \xb2\r\n", b"Content-Length: 1e3\r\n",
        b"Content-Length: " + b"9" * 5_000 + b"\r\n", b"content-length:3\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n",
        b"Expect: 100-continue\r\n", b"no colon\r\n", b": no name\r\n", b"\0: \0\r\n",
        b"X: " + b"y" * 20_000 + b"\r\n",
    )
)  # fmt: skip
bodies = st.sampled_from(
    (
        b"hello", b"[]", b"3\r\nabc\r\n0\r\n\r\n", b"fffffffff\r\n", b"-1\r\n", b"0x3\r\nabc\r\n",
        b"+3\r\nabc\r\n", b"1_0\r\n", b"3;x=y\r\nabcX\n0\r\n\r\n", b"0\r\nTrailer: a\r\n\r\n", b"",
    )
)  # fmt: skip
messages = st.builds(
    lambda head, lines, end, body: head + b"".join(lines) + end + body,
    heads,
    st.lists(headers, max_size=3),
    st.sampled_from((b"\r\n", b"\r\n", b"\r\n", b"\n", b"")),
    st.one_of(bodies, st.binary(max_size=40)),
)
traffic = st.one_of(st.lists(messages, max_size=3).map(b"".join), st.binary(max_size=200))
pieces = st.tuples(traffic, st.lists(st.integers(0, 50_000), max_size=5))


def _read(parts: list[bytes]) -> list[tuple[list[str], bytes]] | None:
    """What a parser makes of pieces; None when it refuses them."""
    parser = _http.Parser(MAX_BODY)
    found: list[tuple[list[str], bytes]] = []
    try:
        for part in parts:
            found += [(message.start, message.body) for message in parser.feed(part)]
            assert len(parser._buffer) <= MAX_BODY + _http.MAX_HEAD_BYTES + len(part) + 4
            assert len(parser._chunks) <= MAX_BODY
            assert parser._wanted <= MAX_BODY  # else it would wait, and keep all that comes
    except _http.HttpError:
        return None
    assert all(len(body) <= MAX_BODY for _, body in found)
    return found


def parse(given: tuple[bytes, list[int]]) -> None:
    """Bytes are messages or an HttpError, within bounds, the same however they are cut."""
    data, places = given
    whole, parts = _read([data]), _read(cut(data, places))
    if whole is None:
        return  # in pieces, it may have given messages before it refused the rest
    assert parts == whole


def listen(given: tuple[bytes, list[int]]) -> None:
    """Whatever one connection sends, the next one's batch is taken and answered 200."""
    data, places = given
    listener = Listener(open_port(0))
    try:
        with socket.create_connection(("127.0.0.1", listener.port)) as odd:
            for part in cut(data, places):
                try:
                    odd.sendall(part)
                except OSError:
                    break  # it was refused half-way
                _turn(listener)
            _turn(listener)
            with socket.create_connection(("127.0.0.1", listener.port)) as sound:
                sound.sendall(b"POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\n[1,2,3]")
                taken: list[bytes] = []
                for _ in range(50):
                    taken += _turn(listener, 0.2)
                    if b"[1,2,3]" in taken:
                        break
                assert b"[1,2,3]" in taken
                assert sound.recv(100).startswith(b"HTTP/1.1 200 OK")
    finally:
        listener.close()


def _turn(listener: Listener, timeout: float = 0.0) -> list[bytes]:
    ready, _, _ = select.select(listener.filenos(), [], [], timeout)
    found: list[bytes] = []
    for fileno in ready:
        found += listener.ready(fileno, 1.0)
    listener.expire(1.0)
    return found


TARGETS = [Target("HTTP parser", pieces, parse), Target("telemetry listener", pieces, listen)]
