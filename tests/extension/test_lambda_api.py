from __future__ import annotations

import json
import socket
import threading

import pytest

from firehose_logging._extension import lambda_api
from firehose_logging._extension.lambda_api import LambdaApi, LambdaApiError
from firehose_logging._http import Parser
from tools.waiting import wait_until


class Api:
    """The Runtime API's address, answering each request with the next scripted bytes."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests = []
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            with sock:
                self._answer(sock)

    def _answer(self, sock: socket.socket) -> None:
        parser = Parser(1_000_000)
        while data := sock.recv(65_536):
            for message in parser.feed(data):
                self.requests.append(message)
                reply = self.answers.pop(0) if self.answers else None
                if reply is None:  # close without an answer
                    return
                sock.sendall(reply)

    def close(self) -> None:
        self._server.close()


def reply(status: int, body: object = None, **headers: str) -> bytes:
    """An answer as bytes."""
    text = json.dumps(body).encode() if body is not None else b""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + text


REGISTERED = reply(200, {"functionName": "f"}, Lambda_Extension_Identifier="id-1")


@pytest.fixture
def serve():
    """Starts an API that answers as scripted; gives it and a client."""
    made = []

    def start(*answers):
        api = Api(*answers)
        client = LambdaApi(api.address)
        made.extend([client, api])
        return api, client

    yield start
    for item in made:
        item.close()


def test_register(serve):
    """Registration names the extension and its events, and keeps the identifier."""
    api, client = serve(REGISTERED)
    client.register("our-name", ["INVOKE"])

    (call,) = api.requests
    assert call.start[:2] == ["POST", "/2020-01-01/extension/register"]
    assert call.headers["lambda-extension-name"] == "our-name"
    assert call.headers["host"] == api.address
    assert json.loads(call.body) == {"events": ["INVOKE"]}
    assert client.identifier == "id-1"
    assert "lambda-extension-accept-feature" not in call.headers


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        ({"accountId": "123456789012"}, "123456789012"),
        ({}, None),
        ({"accountId": 5}, None),
        ([], None),
    ],
)
def test_register_asks_for_the_account(serve, answer, account):
    """The account's id is asked for where it is wanted; emulators do not tell it."""
    body = json.dumps(answer).encode()
    api, client = serve(
        b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id-1\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )

    assert client.register("our-name", [], with_account=True) == account
    assert api.requests[0].headers["lambda-extension-accept-feature"] == "accountId"


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        (
            reply(403, {"errorType": "Extension.RegistrationClosed", "errorMessage": "late"}),
            403,
            "Extension.RegistrationClosed",
        ),
        (reply(500, "no object"), 500, "Refused"),
        (b"HTTP/1.1 400 X\r\nContent-Length: 2\r\n\r\nno", 400, "Refused"),
        (reply(200, {}), 200, "NoIdentifier"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 0, "HttpError"),
        (None, 0, "ConnectionError"),
    ],
)
def test_refused_registration(serve, answer, status, kind):
    """Every way to be refused is one kind of error, with status and kind."""
    _, client = serve(answer)

    with pytest.raises(LambdaApiError) as caught:
        client.register("n", ["INVOKE"])

    assert (caught.value.status, caught.value.kind) == (status, kind)
    assert kind in str(caught.value)


def test_an_answer_that_comes_byte_by_byte_is_late_all_the_same(monkeypatch):
    """The time is that of the whole call: the function's Init waits for it."""
    monkeypatch.setattr(lambda_api, "CALL_TIMEOUT", 0.1)
    ended = threading.Event()

    def drip() -> None:
        with server.accept()[0] as sock:
            sock.sendall(b"HTTP/1.1 200 OK\r\n")
            while not ended.wait(0.01):
                try:
                    sock.sendall(b"X: y\r\n")
                except OSError:
                    return  # nobody waits any more

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        try:
            with pytest.raises(LambdaApiError, match="the answer is not whole"):
                LambdaApi(f"127.0.0.1:{server.getsockname()[1]}").register("us", ["INVOKE"])
        finally:
            ended.set()
            thread.join()


def test_nobody_there():
    """A refused connection is the same kind of error."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

    with pytest.raises(LambdaApiError, match="ConnectionRefusedError"):
        LambdaApi(address).register("n", [])


@pytest.mark.parametrize("address", ["", "nonsense", "host:", ":80", "127.0.0.1:x"])
def test_odd_address(address):
    """An address that is none does not raise before it is used, and then as any failure."""
    client = LambdaApi(address)

    assert client.fileno() == -1
    client.close()


@pytest.mark.parametrize(
    ("api_name", "path", "schema"),
    [
        ("telemetry", "/2022-07-01/telemetry", "2022-12-13"),
        ("logs", "/2020-08-15/logs", "2021-03-18"),
    ],
)
def test_subscribe(serve, api_name, path, schema):
    """A subscription says where to post, what, and how soon; 202 means nothing will come."""
    api, client = serve(REGISTERED, reply(200, "OK"), reply(202, "no telemetry here"))
    client.register("n", ["INVOKE"])

    assert client.subscribe(api_name, ["platform"], 1234, schema=schema) is True
    assert client.subscribe(api_name, ["platform"], 1234, schema=schema) is False

    call = api.requests[1]
    assert call.start[:2] == ["PUT", path]
    assert call.headers["lambda-extension-identifier"] == "id-1"
    assert json.loads(call.body) == {
        "schemaVersion": schema,
        "types": ["platform"],
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:1234"},
    }
    assert api.connections == 1


def test_next_event(serve):
    """Asking returns at once; the event is read when it is there, also in pieces."""
    event = {"eventType": "INVOKE", "requestId": "r", "deadlineMs": 1}
    whole = reply(200, event)
    release = threading.Event()

    class Slow(Api):
        def _answer(self, sock):
            sock.recv(65_536)
            sock.sendall(whole[:20])
            assert release.wait(10)
            sock.sendall(whole[20:])
            sock.recv(65_536)

    api = Slow()
    client = LambdaApi(api.address)
    try:
        client.ask_next()
        assert client.fileno() >= 0
        assert client.read_next() is None
        release.set()
        assert wait_until(client.read_next) == event
    finally:
        client.close()
        api.close()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(403, {"errorType": "E", "errorMessage": "m"}), 403),
        (b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\n{", 200),
        (None, 0),
    ],
)
def test_next_event_that_fails(serve, answer, status):
    """A refusal, a body that is no JSON and a lost connection are errors, not events."""
    _, client = serve(answer)
    client.ask_next()

    def fails():
        try:
            assert client.read_next() is None
        except LambdaApiError as error:
            return error
        return None

    assert wait_until(fails).status == status


def test_event_that_is_no_object(serve):
    """An event that is no object is an empty one."""
    _, client = serve(reply(200, [1]))
    client.ask_next()
    events = []

    def came():
        event = client.read_next()
        if event is not None:
            events.append(event)
        return events

    assert wait_until(came) == [{}]


def test_lost_connection_is_made_anew(serve):
    """After the connection is gone, the next question opens another one."""
    api, client = serve(REGISTERED, None, reply(200, {"eventType": "INVOKE"}))
    client.register("n", ["INVOKE"])
    client.ask_next()

    def lost():
        try:
            client.read_next()
        except LambdaApiError as error:
            return error
        return None

    assert wait_until(lost).status == 0
    client.ask_next()
    assert wait_until(client.read_next) == {"eventType": "INVOKE"}
    assert api.connections == 2
    assert api.requests[-1].headers["lambda-extension-identifier"] == "id-1"


def test_an_answer_that_is_no_json(serve):
    """An event that cannot be read is a refusal: the next one is asked for."""
    body = b"HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n{no"
    _, client = serve(REGISTERED, body)
    client.register("name", [])
    client.ask_next()

    with pytest.raises(LambdaApiError, match="BadEvent"):
        wait_until(client.read_next, what="an answer")


def test_without_a_connection_there_is_nothing_to_read(serve):
    """Before the first call there is neither descriptor nor peer."""
    _, client = serve()

    assert (client.fileno(), client.peer_host) == (-1, None)
    with pytest.raises(LambdaApiError, match="not connected"):
        client.read_next()


def test_an_address_where_nobody_listens_any_more(serve):
    """Asking for the next event of an API that is gone is an error to try again after."""
    api, client = serve(REGISTERED)
    client.register("name", [])
    api.close()
    client.close()

    def ask() -> None:
        for _ in range(3):  # the listener's last connection may still be taken
            client.ask_next()
            client.close()

    with pytest.raises(LambdaApiError):
        ask()


def test_whether_there_is_an_answer(serve):
    """It is seen without being read; where there is no connection any more there is news, too."""
    _, client = serve(reply(200, {"eventType": "INVOKE"}))
    client.ask_next()
    wait_until(client.has_answer, what="the answer")

    assert client.read_next() == {"eventType": "INVOKE"}
    client.close()
    assert client.has_answer()
