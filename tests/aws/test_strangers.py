"""Clients that nobody here wrote, as they are published, in the local Lambda."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_lambda import Function, LocalLambda
from support import versions
from support.local_lambda_fixtures import records, texts, write_function
from support.neighbours import FOLDER
from tools import clients, node_client
from tools.libraries import REQUIREMENTS
from tools.waiting import wait_until

NODE = f"aws-lambda-ric {node_client.VERSION} (Node, npm)"
SIGTERM = REQUIREMENTS["lambda-sigterm"][0].replace("==", " ")
POWERTOOLS = REQUIREMENTS["powertools"][0].replace("==", " ")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),  # a first installation builds Node's client
    pytest.mark.conformance(table="Other people's clients", columns=["client"]),
]

NODE_FUNCTION = """
exports.handler = async (event, context) => {
  console.log("seen", event.n);
  if (event.fail) throw new TypeError("as told");
  return { event, id: context.awsRequestId, remaining: context.getRemainingTimeInMillis() > 0 };
};

exports.stream = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("one ");
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (event.fail) throw new TypeError("in mid-stream");
  stream.write("two");
  stream.end();
});
"""


def node_environment(tmp_path: Path, handler: str) -> LocalLambda:
    """An environment of a function that AWS's runtime client for Node runs."""
    if not versions.WHOLE and not node_client.installed():
        pytest.skip("npm fetches it for minutes: in `make conformance` only")
    try:
        program = node_client.program()
    except clients.UnavailableError as error:
        pytest.skip(str(error))
    code = write_function(tmp_path / "function", NODE_FUNCTION, "index.js")
    start_up = ["/usr/bin/env", "node", str(program), handler]
    # Node reserves much more address space than it holds; it is not what is tested here.
    function = Function(code, handler, start_up=start_up, timeout=20, memory_mb=1024)
    return LocalLambda(function, isolation="auto", visible=[program.parents[2]])


@pytest.fixture(params=[NODE])
def client(request: pytest.FixtureRequest) -> str:
    """The name of the client in the table."""
    return str(request.param)


@pytest.fixture
def plain(client: str, tmp_path: Path) -> Iterator[LocalLambda]:
    """An environment of the function that answers in one piece."""
    with node_environment(tmp_path, "index.handler") as env:
        yield env


@pytest.fixture
def streaming(client: str, tmp_path: Path) -> Iterator[LocalLambda]:
    """An environment of the function that streams."""
    with node_environment(tmp_path, "index.stream") as env:
        yield env


def test_answers_and_log_frames(plain: LocalLambda) -> None:
    """It answers, with the request id and time left, and writes frames to the log descriptor."""
    answer = plain.invoke({"n": 1})

    assert answer.payload["id"] == answer.request_id
    assert answer.payload["remaining"] is True
    wait_until(lambda: any(text.endswith("seen 1") for text in texts(plain, "log")))


def test_an_error_is_reported(plain: LocalLambda) -> None:
    """An error of the handler reaches the caller, and the environment lives on."""
    failed = plain.invoke({"n": 1, "fail": 1})
    again = plain.invoke({"n": 2})

    assert (failed.error_type, failed.error_message) == ("TypeError", "as told")
    assert again.function_error is None


def test_a_response_is_streamed(streaming: LocalLambda) -> None:
    """A streamed response comes in pieces, and its latency and duration are told."""
    pieces: list[bytes] = []

    answer = streaming.invoke({}, on_chunk=pieces.append)
    assert streaming.wait_idle()

    assert answer.raw == b"".join(pieces) == b"one two"
    assert len(pieces) >= 2
    spans = {s["name"]: s for s in records(streaming, "platform.runtimeDone")[0]["spans"]}
    assert spans["responseDuration"]["durationMs"] > 0


def test_a_stream_fails_in_its_middle(streaming: LocalLambda) -> None:
    """An error in mid-stream is told by the trailers and reaches the caller."""
    answer = streaming.invoke({"fail": 1})

    assert (answer.function_error, answer.error_message) == ("Unhandled", "in mid-stream")


def python_function(folder: Path, name: str, source: str) -> Function:
    """A function with the packages of one client beside it."""
    try:
        packages = clients.packages(
            f"{name}-py{versions.RUNNING}", versions.RUNNING, *REQUIREMENTS[name], folder=FOLDER
        )
    except clients.UnavailableError as error:
        pytest.skip(str(error))
    code = write_function(folder / "function", source)
    for package in packages.iterdir():
        (code / package.name).symlink_to(package)
    return Function(code, "app.handler", timeout=20, copy_code=False)


@pytest.mark.parametrize("client", [SIGTERM], indirect=True)
def test_sigterm_reaches_the_function(client: str, tmp_path: Path) -> None:
    """Registered by the library, the function is sent SIGTERM when its environment ends."""
    source = (
        "import signal\nimport sys\n\nimport lambda_sigterm\n\n\n"
        "def ended(*_):\n    print('asked to end', flush=True)\n    sys.exit(0)\n\n\n"
        "signal.signal(signal.SIGTERM, ended)\nlambda_sigterm.register()\n\n\n"
        "def handler(event, context):\n    return 'answer'\n"
    )
    function = python_function(tmp_path, "lambda-sigterm", source)
    # With the managed runtimes' clients from 3.12 on handlers run while the runtime is idle.
    with LocalLambda(function, shutdown_ms=5000) as env:
        assert env.invoke({}).payload == "answer"
        assert env.wait_idle()
        end = env.shutdown()

    assert ("platform", "SIGTERM") in [(event.source, event.what) for event in env.timeline]
    assert end.runtime is not None
    assert end.runtime.returncode in (0, -signal.SIGKILL)


@pytest.mark.parametrize("client", [POWERTOOLS], indirect=True)
def test_powertools_knows_the_invocation(client: str, tmp_path: Path) -> None:
    """Its logger writes the request id, the function's name and whether this was a cold start."""
    source = (
        "from aws_lambda_powertools import Logger\n\nlogger = Logger(service='shop')\n\n\n"
        "@logger.inject_lambda_context\ndef handler(event, context):\n    logger.info('said')\n"
    )
    with LocalLambda(python_function(tmp_path, "powertools", source)) as env:
        answers = [env.invoke({}) for _ in range(2)]
        assert env.wait_idle()

    assert [answer.function_error for answer in answers] == [None, None]
    lines = [json.loads(text) for text in texts(env, "stdout") if text.startswith("{")]
    assert [line["function_request_id"] for line in lines] == [a.request_id for a in answers]
    assert [line["cold_start"] for line in lines] == [True, False]
    assert {line["function_name"] for line in lines} == {"local-function"}
