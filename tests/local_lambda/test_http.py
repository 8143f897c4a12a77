"""The small HTTP server under the Lambda APIs."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest

from local_lambda.http_server import HttpServer, Request, Response
from tools.waiting import DEADLINE, wait_until


def echo(request: Request) -> Response:
    """Answer with what was asked."""
    return Response.of_json(
        200, [request.method, request.path, request.body.decode(), request.headers.get("x")]
    )


@pytest.fixture
def server():
    """A server that echoes."""
    server = HttpServer(echo, name="test")
    yield server
    server.close()


def exchange(server: HttpServer, data: bytes) -> bytes:
    """Send bytes and return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65536):
            answer += more
        return answer


def test_requests_on_one_connection(server):
    """A connection is kept for further requests."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    for number in range(3):
        connection.request("POST", f"/{number}", f"body {number}", {"X": "é".encode()})
        assert f'["POST", "/{number}", "body {number}", "\\u00e9"]'.encode() == (
            connection.getresponse().read()
        )
    connection.close()


def test_a_head_request_gets_no_body(server):
    """The length is told; the next answer on the connection is not mixed up with it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    for method in ("HEAD", "GET", "HEAD"):
        connection.request(method, "/")
        answer = connection.getresponse()
        length = int(answer.headers["Content-Length"])
        assert length == len(f'["{method}", "/", "", null]')
        assert len(answer.read()) == (0 if method == "HEAD" else length)
    connection.close()


@pytest.mark.parametrize(
    ("head", "closed"),
    [("GET / HTTP/1.0", True), ("GET / HTTP/1.0\r\nConnection: keep-alive", False),
     ("GET / HTTP/1.1", False), ("GET / HTTP/1.1\r\nConnection: close", True)],
)  # fmt: skip
def test_who_closes_the_connection(server, head, closed):
    """The older version's clients, shell scripts among them, read to the end of the connection."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
        for _ in range(2):
            connection.sendall(f"{head}\r\n\r\n".encode())
            answer = connection.recv(65536)
            assert (b"Connection: close" in answer) == closed
            if closed:
                assert connection.recv(1) == b""
                return


def test_chunked_body(server):
    """Chunked bodies are put together; trailers are read over."""
    answer = exchange(
        server,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n4;x=1\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n",
    )

    assert b'"abcdefg"' in answer


def test_expect_continue(server):
    """A client that waits for 100 Continue gets it."""
    answer = exchange(
        server, b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
    )

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / SPDY/1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_bad_requests(server, data):
    """What is no request is a 400, and the connection ends."""
    answer = exchange(server, data)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Connection: close" in answer


def test_a_waiting_handler_sees_that_its_client_has_gone():
    """A long poll can ask whether anybody still waits for its answer."""
    seen: list[bool] = []

    def poll(request: Request) -> Response | None:
        seen.append(request.client_gone())
        wait_until(request.client_gone, what="the client's end")
        seen.append(True)
        return None

    server = HttpServer(poll, name="test")
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            wait_until(lambda: seen, what="the request")
        wait_until(lambda: len(seen) == 2, what="the end of the poll")
    finally:
        server.close()

    assert seen == [False, True]


def test_close_ends_all_threads():
    """After `close` no thread of the server is left, idle connections or not."""
    before = threading.active_count()
    server = HttpServer(echo, name="test")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(1)

        server.close()

        assert before == threading.active_count()
