"""An environment in namespaces of its own: paths, names, ports, and an end for every process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from local_lambda import Budgets, Function, LocalLambda, SandboxError, namespaces, sandbox
from local_lambda.__main__ import main
from local_lambda.interpreter import Interpreter
from support.local_lambda_fixtures import records, texts, write_function, write_script
from support.shell_extension import write_layer
from tools.waiting import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(namespaces.why_not() is not None, reason=namespaces.why_not() or ""),
]

ROOT = Path(__file__).resolve().parents[2]
HANDLER = """
import os
import socket
import subprocess
import sys


def handler(event, context):
    answer = {}
    if "look" in event:
        answer = {
            "file": __file__, "cwd": os.getcwd(), "variables": dict(os.environ),
            "opt": sorted(os.listdir("/opt")), "tmp": os.listdir("/tmp"), "pid": os.getpid(),
            "name": socket.gethostbyname("sandbox.localdomain"),
            "short": socket.gethostbyname("sandbox"),
            "others": [n for n in os.listdir("/proc") if n.isdigit()],
        }
        for folder in ("/opt", "/var/task", "/var/runtime"):
            try:
                open(folder + "/new", "w")
            except OSError as error:
                answer[folder] = error.strerror
    if "write" in event:
        with open("/tmp/" + event["write"], "w") as file:
            file.write("written")
    if "leave" in event:  # a process in a session of its own, as a daemon is
        child = subprocess.Popen(
            ["sh", "-c", "while :; do echo x >> /tmp/beat; sleep 0.01; done"],
            start_new_session=True,
        )
        answer["child"] = child.pid
    if "connect" in event:
        with socket.create_connection(("127.0.0.1", event["connect"]), 5) as connection:
            answer["got"] = connection.recv(100).decode()
    return answer
"""


@pytest.fixture
def code(tmp_path):
    """The function's folder."""
    return write_function(tmp_path / "function", HANDLER)


def test_paths_and_names_are_those_of_the_service(code, tmp_path):
    """The function finds everything where Lambda has it, and may write in /tmp only."""
    layer = write_function(tmp_path / "layer" / "lib", "x", "file").parent
    function = Function(code, "app.handler", layers=[layer], environment={"MINE": "/opt/lib"})
    with (
        tempfile.NamedTemporaryFile(dir="/tmp") as outside,
        LocalLambda(function, isolation="namespaces") as env,
    ):
        answer = env.invoke({"look": 1, "write": "kept"}).payload
        assert Path(outside.name).name not in answer["tmp"]
        assert (env.tmp / "kept").read_text() == "written"
        assert env.pid != answer["pid"]
        assert env.pid in {
            int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()
        }

    variables = answer["variables"]
    assert (answer["file"], answer["cwd"]) == ("/var/task/app.py", "/var/task")
    assert "lib" in answer["opt"]
    assert (answer["name"], answer["short"]) == ("127.0.0.1", "127.0.0.1")
    assert variables["LAMBDA_TASK_ROOT"] == "/var/task"
    assert variables["LAMBDA_RUNTIME_DIR"] == "/var/runtime"
    assert variables["MINE"] == "/opt/lib"
    assert [answer[folder] for folder in ("/opt", "/var/task", "/var/runtime")] == [
        "Read-only file system"
    ] * 3
    assert len(answer["others"]) < 10


def test_who_leaves_the_session_is_frozen_and_ended_too(code):
    """A daemon does not run while the environment is frozen, and is gone after the shutdown."""
    with LocalLambda(Function(code, "app.handler"), isolation="namespaces") as env:
        env.invoke({"leave": 1})
        beat = env.tmp / "beat"
        assert env.wait_frozen()
        # Frozen: the file grows no more, however often it is looked at.
        sizes = {beat.stat().st_size for _ in range(200) if os.sched_yield() is None}
        members = _members(env.pid)
        env.thaw()
        wait_until(lambda: beat.stat().st_size > max(sizes), what="the daemon goes on")
        env.shutdown()

    assert len(sizes) == 1
    assert len(members) >= 2
    wait_until(lambda: not any(map(_alive, members)), what="the end of all")


def test_a_restored_daemon_is_frozen_and_goes_with_its_copy(code):
    """With SnapStart too; the snapshot itself, which stands still anyway, is left alone."""
    function = Function(code, "app.handler", initialization_type="snap-start")
    with LocalLambda(function, isolation="namespaces") as env:
        env.invoke({"leave": 1})
        beat = env.tmp / "beat"
        assert env.wait_frozen()
        sizes = {beat.stat().st_size for _ in range(200) if os.sched_yield() is None}
        others = [pid for pid in _members(env.pid) if pid != env.pid]
        daemons = [pid for pid in others if b"beat" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        env.thaw()
        wait_until(lambda: beat.stat().st_size > max(sizes), what="the daemon goes on")
        env.restore()
        wait_until(lambda: not any(map(_alive, daemons)), what="the end of the daemon")
        answer = env.invoke({})

    assert len(sizes) == 1
    assert daemons
    assert answer.function_error is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_the_emulator_ends_everything(code, tmp_path, number):
    """Killed in the middle of its work it leaves nobody behind, frozen ones neither."""
    program = f"""
import sys, time
from pathlib import Path
from local_lambda import Function, LocalLambda

env = LocalLambda(Function(Path({str(code)!r}), "app.handler"), isolation="namespaces")
env.start()
env.invoke({{"leave": 1}})
assert env.wait_frozen()
print(env.pid, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # what it leaves there is pytest's to remove
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        pid = int(process.stdout.readline())
        members = _members(pid)

        process.send_signal(number)
        process.wait(20)

    assert len(members) >= 2
    wait_until(lambda: not any(map(_alive, members)), what="the end of all")


@pytest.mark.skipif(
    namespaces.why_not(network=True) is not None, reason=namespaces.why_not(network=True) or ""
)
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_a_shell_extension_with_fixed_port_in_two_environments(code, tmp_path):
    """AWS's shell extension runs as it is, on port 4243 of each environment's own network."""
    layer = tmp_path / "layer"
    write_layer(layer, sys.executable)
    function = Function(code, "app.handler", layers=[layer], timeout=20)
    options = {"isolation": "namespaces", "network": "own", "shutdown_ms": 20_000}
    options["budgets"] = Budgets(init=30.0)
    with LocalLambda(function, **options) as one, LocalLambda(function, **options) as two:
        for env in (one, two):
            env.invoke({"n": 1})
            assert env.wait_idle()
            env.invoke({"n": 2})
            assert env.wait_idle()
            env.thaw()  # the last telemetry comes to those who run
            told = env.tmp / "telemetry"
            wait_until(
                lambda told=told: told.exists() and "platform.report" in told.read_text(),
                what="a report",
            )
        ends = [env.shutdown() for env in (one, two)]
        told = [(env.tmp / "telemetry").read_text() for env in (one, two)]

    for env, end, telemetry in zip((one, two), ends, told, strict=True):
        said = [
            text.removeprefix('"OK"') for text in texts(env, "extension")
        ]  # of the subscription
        events = [json.loads(t.removesuffix("from a layer")) for t in said if t.startswith("{")]
        assert [event["eventType"] for event in events] == ["INVOKE", "INVOKE", "SHUTDOWN"]
        assert env.runtime_api == "127.0.0.1:9001"
        assert end.extensions[0].returncode == 0
        starts = [record["requestId"] for record in records(env, "platform.start")]
        assert starts[0] in telemetry
        assert "platform.report" in telemetry


@pytest.mark.skipif(
    namespaces.why_not(network=True) is not None, reason=namespaces.why_not(network=True) or ""
)
def test_a_network_of_its_own_reaches_what_its_variables_name(code, tmp_path):
    """A loopback URL in a variable is passed on to this machine, any other port is not."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello")

        thread = threading.Thread(target=answer)
        thread.start()
        variables = {"AWS_ENDPOINT_URL_FIREHOSE": f"http://127.0.0.1:{port}"}
        function = Function(code, "app.handler", environment=variables)
        with LocalLambda(function, isolation="namespaces", network="own") as env:
            good = env.invoke({"connect": port})
            bad = env.invoke({"connect": env._server.port + 1})
        thread.join()

    assert good.payload == {"got": "hello"}
    assert bad.error_type == "ConnectionRefusedError"


def test_an_interpreter_in_tmp_is_seen(code):
    """The sandbox has a /tmp of its own; the interpreter that was asked for is shown in it."""
    with tempfile.NamedTemporaryFile("w", dir="/tmp", delete=False) as file:
        shim = Path(file.name)
        file.write(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    shim.chmod(0o755)
    try:
        function = Function(code, "app.handler", python=shim)
        with LocalLambda(function, isolation="namespaces") as env:
            answer = env.invoke({"look": 1})
    finally:
        shim.unlink()

    assert answer.function_error is None
    # The one that it starts is shown too, where that lies below /tmp.
    roots = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix)]
    others = {root.parts[2] for root in roots if root.is_relative_to("/tmp")}
    assert set(answer.payload["tmp"]) == {shim.name, *others}


def test_an_interpreter_below_the_sandbox_cannot_be_used(code, monkeypatch):
    """Where its files are /opt itself, they cannot be shown beside the layers: that is said."""
    lies = Interpreter("3.12", has_client=True, files=(Path("/opt"),))
    monkeypatch.setattr(sandbox, "probe_python", lambda _: lies)

    with pytest.raises(SandboxError, match=r"has its files in /opt.*isolation='none'"):
        LocalLambda(Function(code, "app.handler"), isolation="namespaces")


def test_a_script_whose_interpreter_is_hidden(code, tmp_path):
    """The error names the interpreter, and what to do, where the kernel says "no such file"."""
    with tempfile.NamedTemporaryFile(dir="/tmp") as interpreter:
        write_script(tmp_path / "layer" / "extensions" / "mine", f"#! {interpreter.name} -E\n")
        function = Function(code, "app.handler", layers=[tmp_path / "layer"])
        with LocalLambda(function, isolation="namespaces") as env:
            result = env.init()

    assert result.error_type == "Extension.LaunchError"
    assert f"its interpreter is {interpreter.name}" in result.message
    assert "--visible PATH" in result.message


def test_a_sandbox_that_cannot_be_made(code, monkeypatch, tmp_path, capsys):
    """Said in a line, and nothing is left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert namespaces.why_not(network=False) is None  # tried out before, and kept, as it is asked

    def refuse(_):
        raise namespaces.NamespacesError("no room for mounts")

    monkeypatch.setattr(namespaces.Namespaces, "open", refuse)

    status = main([str(code), "app.handler"])

    assert status == 2
    assert "the sandbox cannot be made: no room for mounts" in capsys.readouterr().err
    assert not list(tmp_path.glob("local-lambda-*"))


def test_what_cannot_be_isolated_is_said(code, monkeypatch, capsys):
    """Where the kernel refuses, "auto" goes without and the command says so; by name it fails."""
    monkeypatch.setattr(namespaces, "why_not", lambda **_: "Operation not permitted")

    status = main([str(code), "app.handler"])

    assert status == 0
    error = capsys.readouterr().err
    assert "Operation not permitted" in error
    assert "127.0.0.1 sandbox.localdomain sandbox" in error
    with pytest.raises(SandboxError, match="Operation not permitted"):
        LocalLambda(Function(code, "app.handler"), isolation="namespaces")


@pytest.mark.parametrize(
    "settings",
    [{"isolation": "some"}, {"network": "none"}, {"isolation": "none", "network": "own"}],
)
def test_what_is_no_isolation(code, settings):
    """Other words are refused, naming what is allowed."""
    with pytest.raises(ValueError, match=r"use one of|needs isolation"):
        LocalLambda(Function(code, "app.handler"), **settings)


def _members(pid: int) -> list[int]:
    """Every process that shares the process namespace of one, itself included."""
    mine = os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115 - a link to no file
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if os.readlink(path / "ns" / "pid") == mine:  # noqa: PTH115 - as above
                    found.append(int(path.name))
            except OSError:
                continue
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
