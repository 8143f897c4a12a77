"""Responses that come piece by piece: their times, their sizes, and failures in mid-stream."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from local_lambda import Function, LocalLambda
from support.local_lambda_fixtures import records, write_function

pytestmark = pytest.mark.e2e

#: A runtime that streams: `pieces` with the file `go` awaited after the first one, then `trailers`,
#: or the connection's end before the last chunk.
RUNTIME = """
import json, os, socket, time

host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")


def exchange(head, body=b""):
    connection = socket.create_connection((host, int(port)))
    connection.sendall(head.encode() + b"\\r\\n\\r\\n" + body)
    return connection


while True:
    answer = exchange("GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nConnection: close")
    data = b"".join(iter(lambda: answer.recv(65536), b""))
    head, _, body = data.partition(b"\\r\\n\\r\\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\\r\\n")[1:])
    event = json.loads(body)
    identity = fields["lambda-runtime-aws-request-id"]
    attempt = fields["lambda-runtime-invocation-id"]
    go = os.environ["TMPDIR"] + "/go"
    stream = exchange(
        f"POST /2018-06-01/runtime/invocation/{identity}/response HTTP/1.1\\r\\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\\r\\n"
        "Content-Type: application/vnd.awslambda.http-integration-response\\r\\n"
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\\r\\n"
        f"Lambda-Runtime-Invocation-Id: {event.get('attempt', attempt)}\\r\\n"
        "Transfer-Encoding: chunked\\r\\nConnection: close"
    )
    for number, piece in enumerate(event["pieces"]):
        stream.sendall(f"{len(piece):x}\\r\\n{piece}\\r\\n".encode())
        while number == 0 and event.get("hold") and not os.path.exists(go):
            time.sleep(0.01)
    if not event.get("cut"):
        fields = [f"{name}: {value}\\r\\n" for name, value in event.get("trailers", {}).items()]
        stream.sendall(f"0\\r\\n{''.join(fields)}\\r\\n".encode())
        print("status", stream.recv(65536).split()[1].decode(), flush=True)
    stream.close()
"""


@pytest.fixture
def env(tmp_path):
    """An environment of the streaming runtime."""
    code = write_function(tmp_path / "stub", RUNTIME, "runtime.py")
    function = Function(code, "none", start_up=[sys.executable, "-SE", "runtime.py"], timeout=10)
    with LocalLambda(function) as env:
        yield env


def test_pieces_reach_the_caller_as_they_come(env):
    """Whoever reads along has the first piece while the function still works on the second."""
    pieces = []

    def read(piece: bytes) -> None:
        pieces.append(piece)
        (env.tmp / "go").touch()

    answer = env.invoke({"pieces": ["first ", "second"], "hold": True}, on_chunk=read)

    assert pieces == [b"first ", b"second"]
    assert answer.raw == b"first second"
    assert answer.function_error is None


def test_latency_duration_and_bytes_are_measured(env):
    """The spans are the time to the first byte, and from there to the last; bytes are counted."""
    env.invoke(
        {"pieces": ["first ", "second"], "hold": True}, on_chunk=lambda _: (env.tmp / "go").touch()
    )
    assert env.wait_idle()

    (done,) = records(env, "platform.runtimeDone")
    spans = {span["name"]: span for span in done["spans"]}
    assert done["metrics"]["producedBytes"] == len("first second")
    assert spans["responseDuration"]["durationMs"] > 0
    assert spans["responseLatency"]["start"] <= spans["responseDuration"]["start"]
    whole = sum(spans[name]["durationMs"] for name in spans)
    assert whole == pytest.approx(done["metrics"]["durationMs"], abs=1)


def test_a_failure_in_mid_stream_is_an_error(env):
    """The trailers tell it: the caller has the error, and telemetry its type."""
    body = json.dumps({"errorType": "Bad", "errorMessage": "as told"}).encode()
    trailers = {
        "Lambda-Runtime-Function-Error-Type": "Function.Bad",
        "Lambda-Runtime-Function-Error-Body": base64.b64encode(body).decode(),
    }

    answer = env.invoke({"pieces": ["half"], "trailers": trailers})
    assert env.wait_idle()

    assert (answer.function_error, answer.raw) == ("Unhandled", body)
    (done,) = records(env, "platform.runtimeDone")
    assert (done["status"], done["errorType"]) == ("error", "Function.Bad")


def test_a_stream_that_breaks_off_is_an_error(env):
    """Without its last chunk a response is truncated; the environment goes on."""
    answer = env.invoke({"pieces": ["half"], "cut": True})

    assert answer.error_type == "Runtime.TruncatedResponse"
    assert env.invoke({"pieces": ["whole"]}).raw == b"whole"


def test_more_than_a_stream_may_hold(env, monkeypatch):
    """Over the limit the response is refused, as one in one piece is."""
    monkeypatch.setattr("local_lambda.responses.MAX_STREAMED_BYTES", 10)

    answer = env.invoke({"pieces": ["123456", "789012"]})

    assert answer.error_type == "Function.ResponseSizeTooLarge"


def test_an_answer_to_another_attempt_is_refused(env):
    """A response that names another attempt of the request is none to this one."""
    answer = env.invoke({"pieces": ["late"], "attempt": "another"}, timeout=0.5)

    assert answer.function_error == "Unhandled"
    assert "status 410" in [event.text for event in env.output]
