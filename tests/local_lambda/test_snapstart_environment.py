"""The local Lambda's SnapStart: what the snapshot keeps and what a copy of it can do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_lambda import Function, LocalLambda
from local_lambda.credentials_api import PATH
from local_lambda.process import state_of
from support.local_lambda_fixtures import Api, records, stub_function, write_function
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

SOURCE = """
import atexit, os, signal, threading, time, uuid

token, count, ticks = str(uuid.uuid4()), 0, []
os.register_at_fork(after_in_child=lambda: ticks.append("fork hook"))


def tick():
    while True:
        time.sleep(0.01)
        ticks.append(count)


threading.Thread(target=tick, daemon=True).start()
atexit.register(print, "at exit")
PID = os.getpid()


def handler(event, context):
    global count
    count += 1
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "exit" in event:
        os._exit(event["exit"])
    ticks.clear()
    deadline = time.monotonic() + 5
    while not ticks and time.monotonic() < deadline:
        time.sleep(0.005)
    return {"token": token, "count": count, "ticks": ticks[:1], "same": PID == os.getpid()}
"""


@pytest.fixture
def function(tmp_path: Path) -> Function:
    """A function with state, a thread, a fork hook and something to do at its exit."""
    code = write_function(tmp_path / "function", SOURCE)
    return Function(code, "app.handler", initialization_type="snap-start", timeout=5.0)


def payload(env: LocalLambda, **event: Any) -> dict[str, Any]:
    """Invoke and return the answer."""
    answer: dict[str, Any] = env.invoke(event).payload
    return answer


def test_copies_begin_where_the_snapshot_was_taken(function: Function) -> None:
    """State and threads are those of the snapshot, whatever an earlier copy has done to its own."""
    with LocalLambda(function) as env:
        first = [payload(env) for _ in range(3)]
        env.restore()
        second = [payload(env) for _ in range(2)]

    assert len({answer["token"] for answer in first + second}) == 1
    assert [1, 2, 3] == [answer["count"] for answer in first]
    assert [1, 2] == [answer["count"] for answer in second]
    assert all(answer["ticks"] != ["fork hook"] for answer in first + second)
    assert all(answer["ticks"] and answer["same"] for answer in first + second)


def test_a_copy_is_frozen_and_thawed(function: Function) -> None:
    """Between invocations the copy stands still, as any environment."""
    with LocalLambda(function) as env:
        assert env.invoke({}).payload["count"] == 1
        assert env.wait_frozen()
        assert env.pid is not None
        assert Path(f"/proc/{env.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        assert env.invoke({}).payload["count"] == 2


def test_a_crash_leads_to_a_new_snapshot(function: Function) -> None:
    """After a crash or a timeout the function is initialised again."""
    with LocalLambda(function) as env:
        before = payload(env)["token"]
        assert env.invoke({"exit": 3}).error_type == "Runtime.ExitError"
        between = payload(env)["token"]
        assert env.invoke({"sleep": 30}, timeout=0.5).error_type == "Sandbox.Timedout"
        after = payload(env)["token"]

    assert len({before, between, after}) == 3


def test_no_process_is_left(function: Function) -> None:
    """Snapshot and copy have ended when the environment is closed."""
    with LocalLambda(function) as env:
        env.invoke({})
        started = [e.detail.split()[-1] for e in env.timeline if e.detail.startswith("pid ")]
        end = env.shutdown()
    assert end.runtime is not None
    assert end.runtime.returncode == -signal.SIGKILL  # no extension: killed at once
    assert len(started) == 2
    for pid in started:
        wait_until(lambda pid=pid: not Path("/proc", pid).exists(), what=f"the end of {pid}")


def test_telemetry_of_snapshot_and_copies(function: Function) -> None:
    """Init is told once, each restore once, and no Init is billed to an invocation."""
    with LocalLambda(function) as env:
        for _ in range(2):
            env.restore()
            env.invoke({})
        env.wait_idle()
        types = [event.type for event in env.telemetry if event.type.startswith("platform.")]
        reports = env.reports

    assert types[:3] == ["platform.initStart", "platform.initRuntimeDone", "platform.initReport"]
    restore = ["restoreStart", "restoreRuntimeDone", "restoreReport", "start", "runtimeDone"]
    expected = [f"platform.{name}" for name in [*restore, "end", "report"]] * 2
    assert expected == types[3:]
    assert all("restoreDurationMs" in report["metrics"] for report in reports)
    assert not any("initDurationMs" in report["metrics"] for report in reports)
    assert records(env, "platform.initStart")[0]["initializationType"] == "snap-start"


def test_keys_are_for_who_knows_the_token(function: Function) -> None:
    """Without the function's own token the endpoint gives nothing."""
    with LocalLambda(function) as env:
        api = Api(env.runtime_api)
        token = env._sandbox.credentials_token

        assert api.call("GET", PATH).status == 404
        assert api.call("GET", PATH, None, {"Authorization": "wrong"}).status == 404
        assert api.call("POST", PATH, None, {"Authorization": token}).status == 405
        keys = api.call("GET", PATH, None, {"Authorization": token}).body
        assert {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"} == set(keys)
        assert env.credentials.fetches == 1


def test_other_functions_have_no_snapshot(tmp_path: Path) -> None:
    """restore() says what it needs."""
    with (
        LocalLambda(stub_function(tmp_path)) as env,
        pytest.raises(ValueError, match="initialization_type='snap-start'"),
    ):
        env.restore()


def test_a_copy_ends_with_the_emulator(function: Function) -> None:
    """SIGKILL of the program that runs the environment ends the copy too, in mid-handler."""
    source = f"""
import threading, time
from pathlib import Path
from local_lambda import Function, LocalLambda

function = Function(Path({str(function.code)!r}), "app.handler",
                    initialization_type="snap-start", timeout=60)
with LocalLambda(function) as env:
    env.invoke({{}})
    threading.Thread(target=env.invoke, args=({{"sleep": 60}},), daemon=True).start()
    while env.phase != "invoke":
        time.sleep(0.01)
    print(env.pid, flush=True)
    input()
"""
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=root,
        env={**os.environ, "TMPDIR": str(function.code.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as emulator:
        assert emulator.stdout is not None
        copy = int(emulator.stdout.readline())
        emulator.kill()

    wait_until(lambda: state_of(copy) in ("Z", "X", None), what="the end of the copy")
