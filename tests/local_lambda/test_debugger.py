"""The recipes for debuggers: debugpy over its protocol, and one that reads the terminal."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import versions
from support.local_lambda_fixtures import write_function
from support.neighbours import FOLDER
from tools import clients
from tools.ports import free_port
from tools.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]  # a first installation

ROOT = Path(__file__).resolve().parents[2]
DEBUGPY = "debugpy==1.8.22"
#: The recipe of the README, on a port of the test's.
ATTACHED = """
import os

import debugpy

debugpy.listen(int(os.environ["DEBUG_PORT"]))


def handler(event, context):
    debugpy.wait_for_client()
    answer = {"n": event["n"] + 1}
    return answer
"""
STOPS_AT = 1 + ATTACHED[: ATTACHED.index("    return answer")].count("\n")


class Debugger:
    """As much of a client of the Debug Adapter Protocol as it takes to stop at a line."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rwb")
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; its number."""
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command}
        body = json.dumps({**request, "arguments": arguments}).encode()
        self._stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._stream.flush()
        return self._number

    def answer(self, number: int) -> dict[str, Any]:
        """The body of the answer to a request."""
        while (message := self._read()).get("request_seq") != number:
            self.events.append(message)
        assert message["success"], message
        body: dict[str, Any] = message.get("body") or {}
        return body

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self.answer(self.send(command, **arguments))

    def wait_for(self, event: str) -> dict[str, Any]:
        """The body of an event, which may have come already."""
        while True:
            for message in self.events:
                if message.get("event") == event:
                    self.events.remove(message)
                    body: dict[str, Any] = message.get("body") or {}
                    return body
            self.events.append(self._read())

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._stream.readline().strip():
            length = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._stream.read(length))
        return message


def _connect(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), 50)
    except OSError:
        return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The function, with debugpy beside it."""
    name = f"debugpy-py{versions.RUNNING}"
    try:
        packages = clients.packages(name, versions.RUNNING, DEBUGPY, folder=FOLDER)
    except clients.UnavailableError as error:
        pytest.skip(str(error))
    code = write_function(tmp_path / "function", ATTACHED)
    (code / "debugpy").symlink_to(packages / "debugpy")
    return code


def test_debugpy_stops_at_a_breakpoint(folder: Path) -> None:
    """Attached over its protocol it stops the handler, shows its variables and lets it go on."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "local_lambda", str(folder), "app.handler", "--event", '{"n": 1}'),
        *("--timeout", "900", "--no-freeze", "--isolation", "none"),
        *("--env", f"DEBUG_PORT={port}", "--env", "PYDEVD_DISABLE_FILE_VALIDATION=1"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            with wait_until(lambda: _connect(port), 30, what="debugpy") as connection:
                debugger = Debugger(connection)
                debugger.ask("initialize", adapterID="test", pathFormat="path")
                # The function's own folder is a copy elsewhere.
                places = [{"localRoot": str(folder), "remoteRoot": "."}]
                attached = debugger.send("attach", pathMappings=places, justMyCode=False)
                debugger.wait_for("initialized")
                source = {"path": str(folder / "app.py")}
                debugger.ask("setBreakpoints", source=source, breakpoints=[{"line": STOPS_AT}])
                debugger.ask("configurationDone")
                debugger.answer(attached)
                thread = debugger.wait_for("stopped")["threadId"]
                frame = debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]
                value = debugger.ask("evaluate", expression="answer", frameId=frame["id"])
                debugger.ask("continue", threadId=thread)
                output, _ = process.communicate(timeout=50)
        finally:
            process.kill()

    assert (frame["name"], frame["line"]) == ("handler", STOPS_AT)
    assert value["result"] == "{'n': 2}"
    assert 'ms: {"n": 2}' in output


def test_a_debugger_reads_the_terminal(tmp_path: Path) -> None:
    """With --stdin ``breakpoint()`` asks the terminal, and what is typed there is done."""
    source = "def handler(event, context):\n    n = 1\n    breakpoint()\n    return n\n"
    folder = write_function(tmp_path / "function", source)
    ours, theirs = pty.openpty()
    os.write(ours, b"!n = 41 + 1\ncontinue\n")
    done = subprocess.run(
        [sys.executable, "-m", "local_lambda", str(folder), "app.handler", "--stdin",
         "--timeout", "900"],
        stdin=theirs, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True, timeout=50,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)

    assert "(Pdb)" in done.stdout
    assert any(
        line.startswith("answer ") and line.endswith(": 42") for line in done.stdout.splitlines()
    )
