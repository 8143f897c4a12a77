"""The contract of the Extensions API, on every platform that has it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.contract import (
    CLASSIC,
    LOCAL,
    LOCAL_MANAGED,
    MANAGED,
    PLATFORMS,
    Open,
    applies,
    opener,
    parametrize,
)
from support.local_lambda_fixtures import NEXT, REGISTER

pytestmark = [pytest.mark.e2e, pytest.mark.rie]

NO_INVOKE = "Managed Instances have no INVOKE event"


pytest_generate_tests = parametrize


@pytest.fixture
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Starts environments on one of the platforms."""
    with opener(request.param, tmp_path) as start:
        yield start


@applies()
def test_registration_tells_the_function(platform: Open) -> None:
    """Register answers an identifier, and the function's name, version and handler."""
    answer = platform().api.register("one")

    assert answer.status == 200
    uuid.UUID(answer.headers["lambda-extension-identifier"])
    assert {"functionName", "functionVersion", "handler"} <= set(answer.body)


@applies()
@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        (None, {"events": []}, "Extension.InvalidExtensionName"),
        ("one", b"", "InvalidRequestFormat"),
        ("one", b"[", "InvalidRequestFormat"),
        ("one", {"events": ["SLEEP"]}, "Extension.InvalidEventType"),
        ("one", {"events": ["SHUTDOWN"]}, "Extension.InvalidEventType"),
        ("taken", {"events": []}, "Extension.InvalidExtensionState"),
    ],
    ids=["no name", "no body", "bad JSON", "unknown event", "SHUTDOWN", "name taken"],
)
def test_registrations_that_are_refused(
    platform: Open, name: str | None, body: object, error: str
) -> None:
    """What may not register gets status 403 and the reason's name."""
    api = platform().api
    api.register("taken")
    answer = api.register(name, body)

    assert (403, error) == (answer.status, answer.error)


@applies()
@pytest.mark.parametrize(
    ("identifier", "error"),
    [
        (None, "Extension.MissingExtensionIdentifier"),
        ("one", "Extension.InvalidExtensionIdentifier"),
        ("01234567-89ab-cdef-0123-456789abcdef", "Extension.UnknownExtensionIdentifier"),
    ],
    ids=["none", "no UUID", "unknown"],
)
def test_identifiers_that_are_refused(platform: Open, identifier: str | None, error: str) -> None:
    """Next without an identifier that register has given is refused with the reason's name."""
    headers = {"Lambda-Extension-Identifier": identifier} if identifier else {}
    answer = platform().api.call("GET", NEXT, None, headers)

    assert (403, error) == (answer.status, answer.error)


@applies(managed="refused there, see the next rule")
def test_an_internal_extension_may_take_invoke(platform: Open) -> None:
    """An internal extension registers for INVOKE."""
    assert platform().api.register("one", {"events": ["INVOKE"]}).status == 200


@applies(classic="on demand INVOKE is allowed", local="on demand INVOKE is allowed")
def test_managed_instances_refuse_every_event(platform: Open) -> None:
    """On Managed Instances an internal extension may register for no event at all."""
    answer = platform().api.register("one", {"events": ["INVOKE"]})

    assert (403, "Extension.InvalidEventType") == (answer.status, answer.error)


@applies()
def test_at_most_ten_extensions(platform: Open) -> None:
    """The eleventh extension is refused."""
    api = platform().api
    answers = [api.register(f"number {n}") for n in range(11)]

    assert [200] * 10 == [answer.status for answer in answers[:10]]
    assert (403, "Extension.TooManyExtensions") == (answers[10].status, answers[10].error)


@applies()
def test_registration_ends_with_the_first_next(platform: Open) -> None:
    """When the runtime has asked for its first event nobody registers any more."""
    env = platform()
    env.release()
    assert env.first.result(10.0)["event"] == {}
    answer = env.api.register("late")

    assert (403, "Extension.RegistrationClosed") == (answer.status, answer.error)


@applies()
def test_init_waits_for_every_extension(platform: Open) -> None:
    """An extension that has not asked for next holds Init, even one without events."""
    env = platform()
    identifier = env.api.identifier("one")
    env.release()
    env.runtime_has_asked()

    assert not env.first.done()
    env.next(identifier)
    assert env.first.result(10.0)["event"] == {}


@applies()
def test_without_events_it_takes_no_part(platform: Open) -> None:
    """The next of an extension without events stays open, and holds no invocation."""
    env = platform()
    waiting = env.next(env.api.identifier("one"))
    env.release()
    env.first.result(10.0)

    for number in range(3):
        assert env.invoke({"number": number}).result(10.0)["event"] == {"number": number}
    assert not waiting.done()


@applies(managed=NO_INVOKE)
def test_the_invoke_event(platform: Open) -> None:
    """INVOKE names the request, the function and a deadline within the function's time-out."""
    env = platform(timeout=7)
    identifier = env.api.identifier("one", "INVOKE")
    waiting = env.next(identifier)
    env.release()
    event = waiting.result(10.0).body

    assert event["eventType"] == "INVOKE"
    uuid.UUID(event["requestId"])
    assert event["invokedFunctionArn"].startswith("arn:aws:lambda:")
    assert 0 < event["deadlineMs"] / 1000 - time.time() <= 7
    env.next(identifier)
    fields = env.first.result(10.0)["fields"]
    assert fields["lambda-runtime-aws-request-id"] == event["requestId"]


@applies(managed=NO_INVOKE)
def test_the_next_invocation_waits_for_next(platform: Open) -> None:
    """An invocation is over when each extension that takes INVOKE has asked for next again."""
    env = platform()
    identifier = env.api.identifier("one", "INVOKE")
    first = env.next(identifier)
    env.release()
    first_id = first.result(10.0).body["requestId"]
    second = env.next(identifier)  # that it is done with the first
    env.first.result(10.0)
    call = env.invoke({"second": True})
    second_id = second.result(10.0).body["requestId"]
    env.next(identifier)

    assert call.result(10.0)["fields"]["lambda-runtime-aws-request-id"] == second_id != first_id


@applies(
    classic="the emulator answers the caller after the extensions; the documentation says before",
    managed=NO_INVOKE,
)
def test_the_caller_does_not_wait_for_extensions(platform: Open) -> None:
    """The caller has the answer while an extension still works on the invocation."""
    env = platform()
    event = env.next(env.api.identifier("one", "INVOKE"))
    env.release()
    event.result(10.0)  # and no next after it

    assert env.first.result(10.0)["event"] == {}


@applies()
@pytest.mark.parametrize("call", ["init/error", "exit/error"])
def test_errors_need_a_type(platform: Open, call: str) -> None:
    """An extension that reports an error without naming its type is refused."""
    api = platform().api
    headers = {"Lambda-Extension-Identifier": api.identifier("one")}
    answer = api.call("POST", REGISTER.replace("register", call), b"", headers)

    assert (403, "Extension.MissingHeader") == (answer.status, answer.error)


EXTERNAL = """
me = register("watcher", *os.environ.get("EVENTS", "INVOKE,SHUTDOWN").split(","))
while True:
    _, _, body = call("GET", "/2020-01-01/extension/event/next", b"",
                      [("Lambda-Extension-Identifier", me)])
    event = json.loads(body)
    with open(os.path.join(tmp, "watcher"), "a") as file:
        file.write(event["eventType"] + " " + event.get("shutdownReason", "") + "\\n")
    if event["eventType"] == "SHUTDOWN":
        sys.exit(0)
"""


@applies(managed=NO_INVOKE)
def test_an_external_extension(platform: Open) -> None:
    """A program in /opt/extensions is started, and sent INVOKE and SHUTDOWN."""
    env = platform(watcher=EXTERNAL)
    env.release()
    env.first.result(10.0)
    env.stop()
    events = [line.split() for line in (env.tmp / "watcher").read_text().splitlines()]

    assert ["INVOKE", "SHUTDOWN"] == [event[0] for event in events]


@applies(
    classic="the emulator says SandboxTerminated; the documentation says spindown",
    managed=NO_INVOKE,
)
def test_why_it_is_shut_down(platform: Open) -> None:
    """SHUTDOWN names the reason: spindown, when the environment is no longer needed."""
    env = platform(watcher=EXTERNAL)
    env.release()
    env.first.result(10.0)
    env.stop()

    assert "SHUTDOWN spindown" in (env.tmp / "watcher").read_text()


def test_every_platform_is_here() -> None:
    """The suite knows three platforms."""
    assert (CLASSIC, MANAGED, LOCAL, LOCAL_MANAGED) == PLATFORMS
