"""The contract of the Runtime API, of time-outs, resets and shutdowns, on every platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.contract import Open, applies, opener, parametrize

pytestmark = [pytest.mark.e2e, pytest.mark.rie]
pytest_generate_tests = parametrize

NO_ATTEMPTS = "the emulator does not name attempts on demand"
REPLACED = "the environment is replaced, not reset"
NEVER_STOPPED = "code that has timed out goes on; only its caller is told"


@pytest.fixture
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Starts environments on one of the platforms."""
    with opener(request.param, tmp_path) as start:
        yield start


@applies()
def test_an_event_and_its_answer(platform: Open) -> None:
    """Next hands out the event with request id, deadline and ARN; its answer comes back."""
    env = platform()
    env.release()
    answer = env.first.result(10.0)

    assert answer["event"] == {}
    for name in ("aws-request-id", "deadline-ms", "invoked-function-arn"):
        assert answer["fields"][f"lambda-runtime-{name}"]


@applies()
def test_an_answer_to_another_request(platform: Open) -> None:
    """A response for a request that is not the present one gets 400 InvalidRequestID."""
    env = platform()
    env.release()
    env.first.result(10.0)
    status, body = env.invoke({"wrong_id": True}).result(10.0)

    assert (400, "InvalidRequestID") == (status, body["errorType"])


@applies(classic=NO_ATTEMPTS)
def test_each_attempt_has_an_id(platform: Open) -> None:
    """Next names the attempt, a new one each time; an answer to another one comes too late."""
    env = platform()
    env.release()
    one = env.first.result(10.0)["fields"]
    two = env.invoke({"again": 1}).result(10.0)["fields"]
    status, body = env.invoke({"attempt": one["lambda-runtime-invocation-id"]}).result(10.0)

    assert one["lambda-runtime-invocation-id"] != two["lambda-runtime-invocation-id"]
    assert (status, body["errorType"]) == (410, "InvokeTimeout")


@applies()
def test_the_metadata_endpoint(platform: Open) -> None:
    """Who has the token from the variables is told the availability zone."""
    env = platform()
    env.release()
    env.first.result(10.0)
    path = "/2026-01-15/metadata/execution-environment"
    status, body = env.invoke({"metadata": path}).result(10.0)["told"]

    assert status == 200
    assert json.loads(body)["AvailabilityZoneID"]


@applies()
def test_a_reported_error(platform: Open) -> None:
    """An error that the runtime reports reaches the caller as it is; the environment lives on."""
    env = platform()
    env.release()
    env.first.result(10.0)
    error = {"errorType": "Bad", "errorMessage": "no", "stackTrace": []}

    assert env.invoke({"error": error}).result(10.0) == error
    assert env.invoke({"again": 1}).result(10.0)["event"] == {"again": 1}
    assert env.count("started") == 1


@applies()
def test_an_init_error(platform: Open) -> None:
    """What the runtime reports instead of starting reaches the caller."""
    env = platform("init-error")
    env.release()

    assert env.first.result(10.0)["errorType"] == "Runtime.BadConfig"


@applies(managed=REPLACED)
def test_an_exit_resets(platform: Open) -> None:
    """When the runtime exits, its caller is told and the next invocation starts a new one."""
    env = platform()
    env.release()
    env.first.result(10.0)
    answer = env.invoke({"exit": 7}).result(10.0)

    assert "Runtime.ExitError" in json.dumps(answer)
    assert env.invoke({"again": 1}).result(10.0)["event"] == {"again": 1}
    assert env.count("started") == 2  # and /tmp, in which this is noted, is the same


@applies(managed=NEVER_STOPPED)
@pytest.mark.parametrize("extension", [True, False], ids=["an extension", "none"])
def test_a_timeout_resets(platform: Open, extension: bool) -> None:
    """At the time-out the runtime is ended, with SIGTERM only where there is an extension."""
    env = platform(timeout=1)
    if extension:
        env.next(env.api.identifier("one"))
    env.release()
    env.first.result(10.0)
    answer = env.invoke({"sleep": 30}).result(10.0)

    assert "timed out after 1.00 seconds" in json.dumps(answer)
    assert env.invoke({"again": 1}).result(10.0)["event"] == {"again": 1}
    assert env.count("started") == 2
    assert env.count("sigterm") == int(extension)


@applies()
def test_no_extension_no_sigterm(platform: Open) -> None:
    """Without an extension the runtime is killed at once when the environment ends."""
    env = platform()
    env.release()
    env.first.result(10.0)
    env.stop()

    assert env.count("sigterm") == 0


@applies()
@pytest.mark.parametrize("word", ["ends", "stubborn"])
def test_an_internal_extension_buys_sigterm(platform: Open, word: str) -> None:
    """With an internal extension it is sent SIGTERM, once, and SIGKILL where it does not end."""
    env = platform(word)
    waiting = env.next(env.api.identifier("one"))
    env.release()
    env.first.result(10.0)
    env.stop()

    assert env.count("sigterm") == 1
    assert waiting.result(10.0).status != 200  # no SHUTDOWN event comes to an internal one


@applies(
    classic="restore/next is not there: it is no SnapStart environment",
    managed="restore/next is not there: it is no SnapStart environment",
)
def test_restore_needs_snapstart(platform: Open) -> None:
    """A runtime that is not of a SnapStart function may not ask to be restored."""
    env = platform()
    answer = env.api.call("GET", "/2018-06-01/runtime/restore/next")

    assert (403, "InvalidStateTransition") == (answer.status, answer.error)


@applies()
def test_unknown_paths(platform: Open) -> None:
    """A path that is none of the APIs' gets 404."""
    assert platform().api.call("GET", "/2018-06-01/runtime/nothing").status == 404
