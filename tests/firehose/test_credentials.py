"""Credentials from variables and from the local endpoint, against a real socket."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest

from firehose_logging._clock import SystemClock
from firehose_logging._firehose.credentials import REFRESH_BEFORE, CredentialSource
from firehose_logging.testing import ManualClock


class CredentialServer:
    """What SnapStart environments have on the loopback: answers, in order; the last one stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/2021/credentials"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65_536)
                self.requests.append(data.decode())
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer is not None:
                    status, body = answer
                    connection.sendall(
                        b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
                    )

    def close(self):
        """Stop."""
        self._server.close()


@contextmanager
def serving(*answers):
    """A credentials endpoint for the length of a block."""
    server = CredentialServer(*answers)
    try:
        yield server
    finally:
        server.close()


def keys(name, expires):
    """An answer with credentials."""
    at = datetime.fromtimestamp(expires, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": at}
    return 200, json.dumps(body).encode()


def test_container_credentials_are_fetched_once_and_again_before_they_expire():
    """One request, then none until five minutes before the end."""
    clock = ManualClock()
    with serving(keys("FIRST", clock.epoch() + 3_600), keys("SECOND", clock.epoch() + 9_000)) as at:
        source = CredentialSource({"AWS_CONTAINER_CREDENTIALS_FULL_URI": at.url}, clock)

        assert [source().access_key for _ in range(3)] == ["FIRST"] * 3
        clock.advance(3_600 - REFRESH_BEFORE - 1)
        assert source().access_key == "FIRST"
        assert len(at.requests) == 1
        clock.advance(2)
        assert source().access_key == "SECOND"
        assert len(at.requests) == 2


def test_credentials_that_still_hold_outlive_a_failing_endpoint():
    """A refresh that fails changes nothing until they expire; then it is an error."""
    clock = ManualClock()
    with serving(keys("FIRST", clock.epoch() + 3_600), (500, b"no")) as at:
        source = CredentialSource({"AWS_CONTAINER_CREDENTIALS_FULL_URI": at.url}, clock)
        source()
        clock.advance(3_600 - 10)
        assert source().access_key == "FIRST"

        clock.advance(20)
        with pytest.raises(ValueError, match="500"):
            source()


@pytest.mark.parametrize("answer", [None, (200, b"no JSON"), (200, b"{}"), (403, b"{}")], ids=str)
def test_an_endpoint_that_gives_nothing_is_no_credentials(answer):
    """Whatever the endpoint does comes to one of three errors, which the transport expects."""
    with serving(answer) as at:
        source = CredentialSource({"AWS_CONTAINER_CREDENTIALS_FULL_URI": at.url}, SystemClock())

        with pytest.raises((OSError, ValueError, KeyError)):
            source()


def test_the_endpoints_token_is_sent(tmp_path):
    """The token comes from its file when there is one, else from its variable; read each time."""
    path = tmp_path / "token"
    path.write_text("from-file\n")
    clock = ManualClock()
    with serving(keys("K", clock.epoch() + 1)) as at:
        environ = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": at.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "from-variable",
        }
        CredentialSource(environ, clock)()
        environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(path)
        source = CredentialSource(environ, clock)
        source()
        path.write_text("rotated")
        source()

    sent = [r.split("Authorization: ")[1].split("\r\n")[0] for r in at.requests]
    assert sent == ["from-variable", "from-file", "rotated"]


def test_keys_in_the_environment_need_nobody():
    """Static credentials are taken as they are, empty tokens as none."""
    source = CredentialSource(
        {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": ""},
        ManualClock(),
    )

    found = source()

    assert (found.access_key, found.secret_key, found.token) == ("A", "S", None)
