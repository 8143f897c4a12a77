from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._http import MAX_HEAD_BYTES, HttpError, Parser, request


def parse(*pieces, max_body=1_000):
    """What a parser makes of pieces of a stream: start line, headers and body of each message."""
    parser = Parser(max_body)
    return [(m.start, m.headers, m.body) for piece in pieces for m in parser.feed(piece)]


POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
)


def test_request():
    """A request with a length is one message."""
    assert parse(POST) == [
        (["POST", "/", "HTTP/1.1"], {"host": "a", "content-length": "5"}, b"hello")
    ]


def test_chunks():
    """Chunks are joined; their extensions and trailers are passed over."""
    ((start, _, body),) = parse(CHUNKED)

    assert (start, body) == (["HTTP/1.1", "200", "OK"], b"hello world")


def test_no_body():
    """Without length and chunks there is no body."""
    assert [body for _, _, body in parse(b"GET / HTTP/1.1\r\n\r\n" * 2)] == [b"", b""]


@given(st.lists(st.integers(0, len(POST + CHUNKED) * 2), max_size=12))
def test_cut_anywhere(cuts):
    """However a stream is cut, the messages are the same."""
    stream = (POST + CHUNKED) * 2
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]

    assert parse(*pieces) == parse(stream)
    assert len(parse(stream)) == 4


@given(st.binary(max_size=200))
def test_any_bytes(data):
    """Bytes that are no HTTP are refused or waited for, never anything else."""
    parser = Parser(100)
    try:
        parser.feed(data)
        parser.feed(data)
    except HttpError:
        return


@pytest.mark.parametrize(
    "head",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / SPDY/3\r\n\r\n",
        b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
        b"X" * (MAX_HEAD_BYTES + 1),
        b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n",
    ],
)
def test_refused(head):
    """What cannot be understood, or is over a bound, is refused."""
    with pytest.raises(HttpError):
        parse(head)


def test_chunks_together_are_bounded():
    """Many legal chunks may not add up to more than the largest body."""
    chunk = b"64\r\n" + b"x" * 100 + b"\r\n"
    parser = Parser(1_000)
    parser.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 10)

    with pytest.raises(HttpError, match="more than 1000 bytes"):
        parser.feed(chunk)


def test_body_of_the_largest_size():
    """The bound itself is allowed."""
    ((_, _, body),) = parse(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1_000)

    assert len(body) == 1_000


def test_expect_is_told_once():
    """A peer that waits for 100 Continue is noticed once a message."""
    parser = Parser(100)
    parser.feed(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")

    assert [parser.wants_continue(), parser.wants_continue()] == [True, False]
    assert not parser.idle
    assert len(parser.feed(b"x")) == 1
    assert parser.idle
    assert not parser.wants_continue()


@pytest.mark.parametrize(
    ("start", "status"), [("HTTP/1.1 202 Accepted", 202), ("HTTP/1.1 200", 200), ("HTTP/1.1 x", 0)]
)
def test_status(start, status):
    """The status of an answer is a number; 0 when there is none."""
    (message,) = Parser(0).feed(start.encode() + b"\r\n\r\n")

    assert message.status == status


def test_request_is_what_it_says():
    """A request that we make is read back as it was meant."""
    made = request("PUT", "/logs", "h:1", {"A": "b"}, b"{}")

    assert parse(made) == [
        (["PUT", "/logs", "HTTP/1.1"], {"host": "h:1", "a": "b", "content-length": "2"}, b"{}")
    ]
    assert b"Content-Length" not in request("GET", "/", "h", {}, b"")
    assert b"Content-Length: 0" in request("POST", "/", "h", {}, b"")
