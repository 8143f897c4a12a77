"""Init, invoke, freeze, timeout, reset and shutdown of the local Lambda."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local_lambda import Budgets, Function, LocalLambda
from support.local_lambda_fixtures import held_init, records, stub_function, texts, write_function
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

#: A handler module that is an internal extension too; the thread follows invocations.
WITH_EXTENSION = """
import http.client, json, os, signal, threading, time

api = os.environ["AWS_LAMBDA_RUNTIME_API"]


def call(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(api)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response, response.read()


response, _ = call("POST", "/2020-01-01/extension/register", json.dumps({"events": ["INVOKE"]}),
                   {"Lambda-Extension-Name": "inner"})
identity = {"Lambda-Extension-Identifier": response.getheader("Lambda-Extension-Identifier")}


def say(*words):
    # One write for a line: print makes two, and two threads would mix theirs.
    os.write(1, (" ".join(words) + "\\n").encode())


def follow():
    while True:
        _, body = call("GET", "/2020-01-01/extension/event/next", None, identity)
        say("follows", json.loads(body)["requestId"])


def wait_for_signal():
    os.read(wake_read, 1)
    say("sigterm seen")
    os._exit(0)


wake_read, wake_write = os.pipe()
os.set_blocking(wake_write, False)
signal.set_wakeup_fd(wake_write)
signal.signal(signal.SIGTERM, lambda *_: None)
threading.Thread(target=wait_for_signal, daemon=True).start()
threading.Thread(target=follow, daemon=True).start()


def handler(event, context):
    say("handles", context.aws_request_id)
    time.sleep(event.get("sleep", 0))
    if event.get("raise"):
        raise ValueError(event["raise"])
    return {"event": event, "left": context.get_remaining_time_in_millis()}
"""


def with_extension(tmp_path: Path, **settings: object) -> Function:
    """Return a function that is its own internal extension."""
    code = write_function(tmp_path / "function", WITH_EXTENSION)
    return Function(code, "app.handler", **settings)


def ended(pid: int) -> bool:
    """Tell whether a process is gone, or a zombie that nobody has reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def whats(env: LocalLambda, source: str) -> list[str]:
    """Return what the timeline says of one source."""
    return [event.what for event in env.timeline if event.source == source]


def test_answer_comes_from_the_handler(tmp_path):
    """The real runtime client runs the handler and its answer is the caller's."""
    with LocalLambda(with_extension(tmp_path)) as env:
        result = env.invoke({"a": [1, "é"]})

        assert result.payload["event"] == {"a": [1, "é"]}
        assert result.function_error is None
        assert 0 < result.payload["left"] <= 3000
        assert env.wait_idle()
        assert f"handles {result.request_id}" in texts(env, "stdout")
        assert f"follows {result.request_id}" in texts(env, "stdout")


def test_handler_error_is_the_callers_error_and_the_process_lives_on(tmp_path):
    """An exception is reported with type, message and trace; no reset follows."""
    with LocalLambda(with_extension(tmp_path)) as env:
        env.init()
        pid = env.pid

        result = env.invoke({"raise": "sorry"})

        assert (
            result.function_error,
            result.error_type,
            result.error_message,
        ) == ("Unhandled", "ValueError", "sorry")
        assert env.wait_idle()
        assert pid == env.pid
        assert records(env, "platform.runtimeDone")[0]["status"] == "error"
        assert records(env, "platform.report")[0]["status"] == "error"


def test_init_before_any_invocation(tmp_path):
    """A proactive Init is phase init; the first invocation finds it done."""
    with LocalLambda(with_extension(tmp_path)) as env:
        result = env.init()
        assert (result.status, result.phase) == ("success", "init")
        assert env.wait_frozen()

        env.invoke({})

        assert [record["phase"] for record in records(env, "platform.initStart")] == ["init"]
        with pytest.raises(RuntimeError, match="done already"):
            env.init()


def test_processes_are_stopped_between_invocations(tmp_path):
    """Idle processes are in state T; an event, or a thaw, lets them run on."""
    with LocalLambda(with_extension(tmp_path)) as env:
        env.invoke({})
        assert env.wait_frozen()
        assert [process.state() for process in env.processes] == ["T"]

        env.thaw()
        wait_until(lambda: env.processes[0].state() in ("S", "R"), what="a running process")
        assert not env.frozen

        env.invoke({})
        assert env.wait_frozen()
        assert env.processes[0].state() == "T"


def test_freeze_waits_for_the_extension(tmp_path):
    """As long as an INVOKE extension has not asked for next, nothing is stopped."""
    with held_init(tmp_path) as held:
        identifier = held.api.identifier("one", "INVOKE")
        first = held.next_in_thread(identifier)
        held.release()
        held.init.result(10)
        held.env.invoke({})
        first.result(10)

        assert not held.env.wait_frozen(0.1)
        held.next_in_thread(identifier)
        assert held.env.wait_frozen()


def test_no_freeze_on_request(tmp_path):
    """With freeze off the processes stay as they are."""
    with LocalLambda(stub_function(tmp_path), freeze=False) as env:
        env.invoke({})
        assert env.wait_idle()

        assert not env.wait_frozen(0.05)
        assert env.processes[0].state() != "T"


def test_timeout_resets_and_next_invocation_does_the_init(tmp_path):
    """A timeout answers the caller and leaves Init to the next invocation; /tmp stays."""
    with LocalLambda(with_extension(tmp_path, timeout=0.3)) as env:
        env.init()
        pid = env.pid
        (env.tmp / "kept").write_text("here")

        late = env.invoke({"sleep": 5})
        assert env.wait_idle()

        assert late.error_type == "Sandbox.Timedout"
        assert f"RequestId: {late.request_id} Error: Task timed out after 0.30 seconds" == (
            late.error_message
        )
        assert "sigterm seen" in texts(env)
        assert (env.phase, env.pid) == ("broken", None)
        again = env.invoke({"n": 1}, timeout=5)
        assert again.payload["event"] == {"n": 1}
        assert env.pid not in (None, pid)
        assert (env.tmp / "kept").read_text() == "here"
        assert env.wait_idle()

    assert [r["phase"] for r in records(env, "platform.initStart")] == ["init", "invoke"]
    assert [r["status"] for r in records(env, "platform.report")] == ["timeout", "success"]
    assert "initDurationMs" not in records(env, "platform.report")[1]["metrics"]
    assert records(env, "platform.report")[0]["metrics"]["durationMs"] == 300


def test_suppressed_init_counts_in_the_invocation(tmp_path):
    """The Init inside of an invocation is bounded by the function's timeout."""
    with LocalLambda(stub_function(tmp_path, "init-hang"), budgets=Budgets(init=0.2)) as env:
        assert env.init().status == "timeout"

        result = env.invoke({}, timeout=0.3)

        assert result.error_type == "Sandbox.Timedout"
        assert [(r["phase"], r["status"]) for r in records(env, "platform.initReport")] == [
            ("init", "timeout"),
            ("invoke", "timeout"),
        ]


def test_without_extension_there_is_no_sigterm(tmp_path):
    """Nobody registered: SIGKILL at once."""
    with LocalLambda(stub_function(tmp_path)) as env:
        env.invoke({})
        end = env.shutdown()

    assert end.runtime is not None
    assert (end.runtime.returncode, end.runtime.by_itself) == (-signal.SIGKILL, False)
    assert "SIGTERM" not in whats(env, "platform")


def test_shutdown_sends_sigterm_to_a_frozen_process(tmp_path):
    """With an internal extension the runtime is thawed, told, and ends by itself."""
    with LocalLambda(with_extension(tmp_path)) as env:
        env.invoke({})
        assert env.wait_frozen()

        end = env.shutdown()

        assert end.runtime is not None
        assert (end.runtime.returncode, end.runtime.by_itself) == (0, True)
        assert texts(env)[-1] == "sigterm seen"
        assert end == env.shutdown("again")
        assert env.phase == "closed"
        with pytest.raises(RuntimeError, match="shut down"):
            env.invoke({})


def test_sigkill_after_the_budget(tmp_path):
    """A runtime that does not end in time is killed when its share is over."""
    code = write_function(
        tmp_path / "function",
        WITH_EXTENSION.replace("os.read(wake_read, 1)", "time.sleep(60)"),
    )
    with LocalLambda(Function(code, "app.handler"), shutdown_ms=150) as env:
        env.init()
        end = env.shutdown()

    assert end.runtime is not None
    assert (end.runtime.returncode, end.runtime.by_itself) == (-signal.SIGKILL, False)
    assert end.runtime.after >= 0.15


@pytest.mark.parametrize(
    ("internal", "external", "expected"),
    [
        (False, False, (0.0, 0.0)),
        (True, False, (0.5, 0.5)),
        (False, True, (2.0, 0.3)),
        (True, True, (2.0, 0.5)),
    ],
)
def test_shutdown_budget_depends_on_the_extensions(internal, external, expected):
    """0 without extensions, 500 ms with internal ones only, 2,000 ms with any external one."""
    assert expected == Budgets().shutdown(internal=internal, external=external)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"exit": 3}, "Runtime exited with error: exit status 3"),
        ({"exit": 0}, "Runtime exited without providing a reason"),
        ({"signal": int(signal.SIGKILL)}, "Runtime exited with error: signal: killed"),
    ],
)
def test_crash_is_exit_error(tmp_path, event, words):
    """A runtime that ends in mid-invocation is Runtime.ExitError; the next one starts anew."""
    with LocalLambda(stub_function(tmp_path)) as env:
        result = env.invoke(event)

        assert result.error_type == "Runtime.ExitError"
        assert f"RequestId: {result.request_id} Error: {words}" == result.error_message
        assert env.invoke({"n": 1}).payload["event"] == {"n": 1}
        assert env.wait_idle()
        assert [r["status"] for r in records(env, "platform.report")] == ["failure", "success"]
        done = records(env, "platform.runtimeDone")[0]
        assert (done["status"], done["errorType"]) == ("failure", "Runtime.ExitError")


def test_kill_while_frozen_is_noticed(tmp_path):
    """A process that dies in the freeze is replaced with the next invocation."""
    with LocalLambda(stub_function(tmp_path)) as env:
        env.invoke({})
        assert env.wait_frozen()

        env.kill(signal.SIGKILL)

        wait_until(lambda: env.phase == "broken", what="the reset")
        assert env.invoke({"n": 1}).payload["event"] == {"n": 1}
        env.shutdown()
        with pytest.raises(ProcessLookupError):
            env.kill(signal.SIGKILL)


@pytest.mark.parametrize(
    ("word", "error_type"),
    [("init-error", "Runtime.BadConfig"), ("init-exit", "Runtime.ExitError")],
)
def test_failed_init_is_tried_again_by_the_invocation(tmp_path, word, error_type):
    """A failed Init is repeated inside the invocation, and its error is the caller's."""
    with LocalLambda(stub_function(tmp_path, word)) as env:
        result = env.invoke({})

        assert ("Unhandled", error_type) == (result.function_error, result.error_type)
        assert env.wait_idle()
        assert [r["phase"] for r in records(env, "platform.initStart")] == ["init", "invoke"]
        assert {error_type} == {r["errorType"] for r in records(env, "platform.initReport")}


def test_import_error_of_the_handler(tmp_path):
    """What the module logged before it failed, the traceback, and the error body are there."""
    code = write_function(
        tmp_path / "function", "print('before')\nimport no_such_module\nhandler = None\n"
    )
    with LocalLambda(Function(code, "app.handler")) as env:
        result = env.invoke({})

        assert result.error_type == "Runtime.ImportModuleError"
        assert texts(env, "stdout") == ["before", "before"]
        assert any("No module named 'no_such_module'" in text for text in texts(env, "log"))
        assert records(env, "platform.initReport")[0]["errorType"] == "Runtime.ImportModuleError"


def test_headers_of_an_invocation(tmp_path):
    """Trace, tenant, client context and identity are passed to the runtime."""
    with LocalLambda(stub_function(tmp_path)) as env:
        fields = env.invoke(
            {},
            trace_id="Root=1-2-3",
            tenant_id="blue",
            client_context={"custom": 1},
            cognito_identity={"cognitoIdentityId": "x"},
        ).payload["fields"]

    assert fields["lambda-runtime-trace-id"] == "root=1-2-3"
    assert fields["lambda-runtime-aws-tenant-id"] == "blue"
    assert fields["lambda-runtime-client-context"] == '{"custom": 1}'
    assert fields["lambda-runtime-cognito-identity"] == '{"cognitoidentityid": "x"}'
    assert env.function.arn.lower() == fields["lambda-runtime-invoked-function-arn"]
    assert records(env, "platform.start")[0]["tenantId"] == "blue"


def test_runtime_api_refusals(tmp_path):
    """A wrong request id is 400 InvalidRequestID, a second response too."""
    with LocalLambda(stub_function(tmp_path)) as env:
        status, body = env.invoke({"wrong_id": 1}).payload
        assert (status, body["errorType"]) == (400, "InvalidRequestID")

        assert env.invoke({"twice": 1}).payload == "first"
        assert env.wait_idle()
        assert texts(env)[-1] == "403"


def test_response_over_6_mb_is_refused(tmp_path):
    """A response over the limit is 413 for the runtime and an error for the caller."""
    with LocalLambda(stub_function(tmp_path)) as env:
        result = env.invoke({"size": 6 * 1024 * 1024 + 101})

        assert result.error_type == "Function.ResponseSizeTooLarge"
        assert env.wait_idle()
        assert texts(env)[-1] == "413"
        with pytest.raises(ValueError, match="at most"):
            env.invoke("x" * (6 * 1024 * 1024 + 101))


@pytest.mark.parametrize(
    ("reported", "told"),
    [
        ("Function.Bad", "Function.Bad"),
        ("Function.bad", "Function.Unknown"),
        ("x", "Runtime.Unknown"),
    ],
)
def test_error_types_in_telemetry(tmp_path, reported, told):
    """Telemetry repeats well-formed error types and replaces others."""
    with LocalLambda(stub_function(tmp_path)) as env:
        env.invoke({"error": {"errorType": "E", "errorMessage": "m"}, "type": reported})
        assert env.wait_idle()

    assert told == records(env, "platform.report")[0]["errorType"]


def test_invocations_wait_for_each_other(tmp_path):
    """Calls from several threads are handled one after the other."""
    answers: list[int] = []
    with LocalLambda(stub_function(tmp_path), freeze=False) as env:
        env.init()

        def call(number: int) -> None:
            answers.append(env.invoke({"n": number, "sleep": 0.01}).payload["event"]["n"])

        threads = [threading.Thread(target=call, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    assert sorted(answers) == [0, 1, 2, 3, 4]
    assert len(records(env, "platform.report")) == 5


def test_output_belongs_to_its_invocation(tmp_path):
    """Each line of output carries the request id of the invocation in which it was written."""
    with LocalLambda(stub_function(tmp_path)) as env:
        ids = [env.invoke({"print": f"line {number}"}).request_id for number in range(3)]
        assert env.wait_idle()

        assert [(f"line {n}", i) for n, i in enumerate(ids)] == [
            (event.text, event.request_id) for event in env.output
        ]


def test_abort_does_not_wait_for_the_function(tmp_path):
    """Closing with `abort`, as an exception does, ends a running invocation at once."""
    with contextlib.ExitStack() as stack:
        env = stack.enter_context(LocalLambda(stub_function(tmp_path, timeout=60)))
        env.init()
        caller = threading.Thread(target=env.invoke, args=({"sleep": 50},))
        caller.start()
        stack.callback(caller.join, 10)
        wait_until(lambda: "gets event" in whats(env, "runtime"), what="the event's arrival")
        env.close(abort=True)

    caller.join(10)
    assert not caller.is_alive()
    assert env.processes == []


def test_nothing_is_left_behind(tmp_path):
    """After the end no thread, file descriptor, folder or process remains."""
    with LocalLambda(stub_function(tmp_path)) as env:
        env.invoke({})
    before, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    for _ in range(3):
        with LocalLambda(stub_function(tmp_path)) as env:
            env.invoke({})
            work = env.work

    assert before == len(list(Path("/proc/self/fd").iterdir()))
    assert threads == threading.active_count()
    assert not work.exists()


def test_grandchildren_end_with_the_environment(tmp_path):
    """A process that the function started is in its group and ends with it, frozen or not."""
    source = """
import subprocess
child = subprocess.Popen(["sleep", "60"])


def handler(event, context):
    return child.pid
"""
    code = write_function(tmp_path / "function", source)
    with LocalLambda(Function(code, "app.handler")) as env:
        child = env.invoke({}).payload
        assert env.wait_frozen()

    wait_until(lambda: ended(child), what="the end of the grandchild")


@pytest.mark.parametrize("state", ["frozen", "idle", "running"])
def test_processes_end_when_their_platform_is_killed(tmp_path, state):
    """SIGKILL of the program that runs the environment leaves no process, whatever it does."""
    function = stub_function(tmp_path, timeout=60)
    source = f"""
import threading
from local_lambda import Function, LocalLambda

function = Function({str(function.code)!r}, "x.y", start_up={list(function.start_up)!r}, timeout=60)
runs = threading.Event()
with LocalLambda(function, freeze={state == "frozen"}, on_log=lambda _: runs.set()) as env:
    if {state == "running"}:
        event = {{"print": "it runs", "sleep": 60}}
        threading.Thread(target=env.invoke, args=(event,), daemon=True).start()
        runs.wait()
    else:
        env.invoke({{}})
        env.wait_frozen() if {state == "frozen"} else env.wait_idle()
    print(env.pid, flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)},
    ) as platform:
        assert platform.stdout is not None
        pid = int(platform.stdout.readline())
        assert not ended(pid)

        platform.kill()

    wait_until(lambda: ended(pid), what="the end of the runtime")
