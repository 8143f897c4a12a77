"""The Extensions API of the local Lambda: its rules, its limits, its error bodies."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import wait

import pytest

from local_lambda import LocalLambda
from support.local_lambda_fixtures import (
    NEXT,
    REGISTER,
    Api,
    held_init,
    own_layer,
    records,
    stub_function,
    write_script,
)
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def held(tmp_path):
    """An environment whose Init is held, to play the extension in it."""
    with held_init(tmp_path) as held:
        yield held


def test_register_answers_with_the_function(held):
    """Registering gives an identifier and names function, version and handler."""
    answer = held.api.register("one", {"events": ["INVOKE"]})

    assert answer.status == 200
    assert uuid.UUID(answer.headers["lambda-extension-identifier"])
    assert answer.body == {
        "functionName": "local-function",
        "functionVersion": "$LATEST",
        "handler": "none.none",
    }


def test_account_id_only_where_the_feature_is_asked_for(held):
    """The account id is in the answer only with the accept-feature header."""
    answer = held.api.register("one", Lambda_Extension_Accept_Feature="other, accountId")

    assert answer.body["accountId"] == "012345678912"


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        (None, {"events": []}, "Extension.InvalidExtensionName"),
        ("one", b"", "InvalidRequestFormat"),
        ("one", b"[]", "InvalidRequestFormat"),
        ("one", {"events": "INVOKE"}, "InvalidRequestFormat"),
        ("one", {"configurationKeys": ["a"]}, "InvalidRequestFormat"),
        ("one", {"events": ["OTHER"]}, "Extension.InvalidEventType"),
        ("one", {"events": ["INVOKE", "SHUTDOWN"]}, "Extension.InvalidEventType"),
    ],
)
def test_register_refusals(held, name, body, error):
    """Each mistake is a 403 with the service's error type."""
    answer = held.api.register(name, body)

    assert (403, error) == (answer.status, answer.error)
    assert answer.body["errorMessage"]


def test_events_may_be_absent(held):
    """An empty object registers for no events."""
    assert held.api.register("one", {}).status == 200


def test_a_name_is_taken_once(held):
    """A second registration under the same name is refused."""
    held.api.identifier("one")

    answer = held.api.register("one")

    assert (answer.status, answer.error) == (403, "Extension.InvalidExtensionState")


def test_no_more_than_ten(held):
    """The eleventh extension is refused."""
    for number in range(10):
        held.api.identifier(f"extension-{number}")

    answer = held.api.register("one-too-many")

    assert (answer.status, answer.error) == (403, "Extension.TooManyExtensions")


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({}, "Extension.MissingExtensionIdentifier"),
        ({"Lambda-Extension-Identifier": "me"}, "Extension.InvalidExtensionIdentifier"),
        (
            {"Lambda-Extension-Identifier": str(uuid.UUID(int=5))},
            "Extension.UnknownExtensionIdentifier",
        ),
    ],
)
def test_next_needs_an_identifier(held, header, error):
    """Next without a known identifier is a 403 that says what is wrong with it."""
    answer = held.api.call("GET", NEXT, None, header)

    assert (403, error) == (answer.status, answer.error)


def test_init_ends_only_when_every_extension_asked_for_next(held):
    """An extension registered for nothing still holds Init until its first next."""
    identifier = held.api.identifier("one")
    held.release()
    wait_until(lambda: records(held.env, "platform.initRuntimeDone"), what="the runtime's next")
    assert not wait([held.init], timeout=0).done

    held.next_in_thread(identifier)

    assert held.init.result(10).status == "success"


def test_registration_closes_with_the_runtimes_first_next(held):
    """After Init nobody registers any more."""
    held.release()
    held.init.result(10)

    answer = held.api.register("late")

    assert (answer.status, answer.error) == (403, "Extension.RegistrationClosed")


def test_next_twice_at_once_is_refused(held):
    """While one next waits, a second one of the same extension is an invalid move."""
    identifier = held.api.identifier("one", "INVOKE")
    held.next_in_thread(identifier)
    wait_until(lambda: any(e.what == "next" for e in held.env.timeline))

    answer = held.api.next(identifier)

    assert (answer.status, answer.error) == (403, "Extension.InvalidExtensionState")


def test_next_again_after_the_client_went_away(held):
    """A next whose client closed its connection is forgotten and may be asked again."""
    identifier = held.api.identifier("one", "INVOKE")
    with pytest.raises(TimeoutError):
        held.api.next(identifier, timeout=0.05)
    held.release()
    held.init.result(10)

    def again() -> bool:
        future = held.next_in_thread(identifier)
        return not wait([future], timeout=0.1).done

    wait_until(again, what="a next that waits")
    result = held.env.invoke({"n": 1})

    assert result.payload["event"] == {"n": 1}
    assert held.waiting[-1].result(10).body["eventType"] == "INVOKE"


def test_invoke_event_names_the_invocation(held):
    """INVOKE carries request id, deadline, ARN and, with a trace header, tracing."""
    identifier = held.api.identifier("one", "INVOKE")
    future = held.next_in_thread(identifier)
    held.release()
    held.init.result(10)

    result = held.env.invoke({}, trace_id="Root=1-5")
    event = future.result(10).body

    assert event["eventType"] == "INVOKE"
    assert result.request_id == event["requestId"]
    assert held.env.function.arn == event["invokedFunctionArn"]
    assert event["tracing"] == {"type": "X-Amzn-Trace-Id", "value": "Root=1-5"}
    assert str(event["deadlineMs"]) == result.payload["fields"]["lambda-runtime-deadline-ms"]
    held.next_in_thread(identifier)
    assert held.env.wait_idle()


def test_caller_is_answered_while_an_extension_still_runs(held):
    """The answer goes out with the response; the environment is busy until the last next."""
    identifier = held.api.identifier("one", "INVOKE")
    future = held.next_in_thread(identifier)
    held.release()
    held.init.result(10)

    result = held.env.invoke({"n": 2})
    future.result(10)

    assert result.payload["event"] == {"n": 2}
    assert not held.env.wait_idle(0)
    assert not records(held.env, "platform.report")
    held.next_in_thread(identifier)
    assert held.env.wait_idle()
    assert len(records(held.env, "platform.report")) == 1


def test_extension_without_events_takes_no_part_in_invocations(held):
    """An extension registered for nothing is not waited for."""
    identifier = held.api.identifier("one")
    future = held.next_in_thread(identifier)
    held.release()
    held.init.result(10)

    held.env.invoke({})

    assert held.env.wait_idle()
    assert not future.done()


@pytest.mark.parametrize("call", ["init/error", "exit/error"])
def test_errors_need_a_type(held, call):
    """Reporting an error without its type header is refused."""
    identifier = held.api.identifier("one")
    path = f"/2020-01-01/extension/{call}"

    answer = held.api.call("POST", path, {}, {"Lambda-Extension-Identifier": identifier})

    assert (answer.status, answer.error) == (403, "Extension.MissingHeader")


@pytest.mark.parametrize(
    ("call", "error"),
    [("init/error", "Extension.InitError"), ("exit/error", "Extension.ExitError")],
)
def test_reported_error_fails_the_init(held, call, error):
    """An extension that reports an error fails Init, and no further call of it succeeds."""
    identifier = held.api.identifier("one")
    headers = {
        "Lambda-Extension-Identifier": identifier,
        "Lambda-Extension-Function-Error-Type": "Mine.Broken",
    }

    answer = held.api.call("POST", f"/2020-01-01/extension/{call}", {}, headers)
    result = held.init.result(10)

    assert (answer.status, answer.body) == (202, {"status": "OK"})
    assert ("error", error) == (result.status, result.error_type)
    assert held.api.next(identifier).status == 403


def test_external_extension_gets_invoke_and_shutdown(tmp_path):
    """A file in /opt/extensions runs, is asked for events, and is told of the shutdown."""
    source = """
identity = register(os.path.basename(sys.argv[0]), "INVOKE", "SHUTDOWN")
while True:
    body = call("GET", "/2020-01-01/extension/event/next",
                headers=[("Lambda-Extension-Identifier", identity)])[2]
    event = json.loads(body)
    print(event["eventType"], event.get("shutdownReason", ""), "_HANDLER" in os.environ, flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""
    layer = own_layer(tmp_path, watcher=source)
    with held_init(tmp_path, layers=[layer]) as held:
        held.release()
        held.init.result(10)
        held.env.invoke({})
        end = held.env.shutdown()

    lines = [e.text for e in held.env.output if e.stream == "extension"]
    assert lines == ["INVOKE  False", "SHUTDOWN spindown False"]
    assert [(e.name, e.returncode, e.by_itself) for e in end.extensions] == [
        ("extension:watcher", 0, True)
    ]
    assert lines == records(held.env, "extension")


def test_external_extension_in_bash(tmp_path):
    """Any program will do: one in bash, built for the service, runs as it is."""
    source = r"""#!/bin/bash
set -eu
call() {  # method, path, header, body
  exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
  printf '%s /2020-01-01/extension/%s HTTP/1.1\r\nConnection: close\r\n' "$1" "$2" >&3
  printf '%s\r\nContent-Length: %d\r\n\r\n%s' "$3" "${#4}" "$4" >&3
  cat <&3
}
answer=$(call POST register "Lambda-Extension-Name: $(basename "$0")" \
  '{"events": ["INVOKE", "SHUTDOWN"]}')
id=$(sed -n 's/^Lambda-Extension-Identifier: \([0-9a-f-]*\).*/\1/p' <<<"$answer")
while true; do
  event=$(call GET event/next "Lambda-Extension-Identifier: $id" "" | tail -n 1)
  echo "$event"
  [[ "$event" == *SHUTDOWN* ]] && exit 0
done
"""
    write_script(tmp_path / "layer" / "extensions" / "in-bash.sh", source)
    with LocalLambda(stub_function(tmp_path, layers=[tmp_path / "layer"])) as env:
        env.invoke({})
        env.invoke({})
        end = env.shutdown()

    events = [json.loads(e.text) for e in env.output if e.stream == "extension"]
    assert [event["eventType"] for event in events] == ["INVOKE", "INVOKE", "SHUTDOWN"]
    assert events[-1]["shutdownReason"] == "spindown"
    assert [e.returncode for e in end.extensions] == [0]


def test_external_extension_that_ignores_shutdown_is_killed(tmp_path):
    """SIGKILL comes when the budget is over; without a SHUTDOWN registration, at once."""
    source = """
identity = register(os.path.basename(sys.argv[0]), *{events!r})
while True:
    call("GET", "/2020-01-01/extension/event/next",
         headers=[("Lambda-Extension-Identifier", identity)])
    time.sleep(0.01)
"""
    layer = own_layer(
        tmp_path,
        deaf=source.format(events=["SHUTDOWN"]),
        mute=source.format(events=["INVOKE"]),
    )
    with held_init(tmp_path, layers=[layer], shutdown_ms=200) as held:
        held.release()
        held.init.result(10)
        end = held.env.shutdown()

    ends = {e.name: e for e in end.extensions}
    assert ends["extension:deaf"].returncode == -9
    assert not ends["extension:deaf"].by_itself
    assert ends["extension:deaf"].after >= 0.2
    assert ends["extension:mute"].returncode == -9
    assert ends["extension:mute"].after < ends["extension:deaf"].after


def test_external_extension_that_crashes_fails_the_invocation(tmp_path):
    """A crash of an external extension is Extension.Crash for the caller, and a reset."""
    source = """
identity = register(os.path.basename(sys.argv[0]), "INVOKE")
call("GET", "/2020-01-01/extension/event/next",
     headers=[("Lambda-Extension-Identifier", identity)])
os._exit(3)
"""
    layer = own_layer(tmp_path, fragile=source)
    with held_init(tmp_path, layers=[layer]) as held:
        held.release()
        held.init.result(10)
        result = held.env.invoke({"sleep": 5})

        assert result.error_type == "Extension.Crash"
        assert "exit status 3" in (result.error_message or "")
        assert held.env.wait_idle()
        assert held.env.phase == "broken"


def test_external_extension_that_cannot_start_fails_the_init(tmp_path):
    """A file in /opt/extensions that is no program is a launch error."""
    layer = own_layer(tmp_path, broken="")
    (layer / "extensions" / "broken").write_bytes(b"\x00\x01")
    with LocalLambda(stub_function(tmp_path, layers=[layer])) as env:
        result = env.init()

        assert (result.status, result.error_type) == ("error", "Extension.LaunchError")
        assert records(env, "platform.extension")[0]["state"] == "LaunchError"


def test_external_name_counts_as_external_only_with_its_file(held):
    """SHUTDOWN is refused to a name that is no file in /opt/extensions."""
    answer = held.api.register("watcher", {"events": ["SHUTDOWN"]})

    assert (answer.status, answer.error) == (403, "Extension.InvalidEventType")


def test_unknown_calls_are_not_found(held):
    """Paths that the APIs do not have are a 404."""
    for path in ("/", "/2018-06-01/runtime/other", "/2020-01-01/extension/other"):
        assert held.api.call("GET", path).status == 404
    assert Api(held.env.runtime_api).call("GET", REGISTER).status == 404
