"""AWS's Runtime Interface Emulator (RIE) around a function folder, for tests.

The emulator comes out of the aws-sam-cli wheel (``make rie``). It has the real Runtime and
Extensions APIs. It differs from the service where these tests would notice: Init runs at the first
invocation, the caller gets its answer only after the extensions are done, nothing is ever frozen,
there is no framed log descriptor, and the classic mode answers telemetry subscriptions with 202.
External extensions are looked for in /opt/extensions only.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tools.ports import free_port
from tools.waiting import wait_until

BINARY = Path(__file__).resolve().parent.parent / "build" / "rie" / "aws-lambda-rie"

#: Seconds for the emulator to open its port.
START_TIMEOUT = 10.0
#: Seconds for SIGTERM to end everything: the emulator gives a runtime 2 s before SIGKILL.
STOP_TIMEOUT = 6.0

#: What a child needs of the environment of the tests; everything else is stated by the test.
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")


class Answer(NamedTuple):
    """What the caller of the function got: HTTP status and the body, decoded where it is JSON."""

    status: int
    body: Any


class Rie:
    """One execution environment; a context manager that starts and stops it.

    ``function`` is the folder that holds the handler's module, ``python`` an interpreter that has
    awslambdaric. ``layer`` is a folder laid out as /opt: its wrapper starts the runtime, unless
    ``wrapper`` is False. ``environment`` holds the function's variables; with
    ``AWS_LAMBDA_MAX_CONCURRENCY`` the emulator is a Managed Instances environment. ``scratch`` is
    where its output is kept.
    """

    def __init__(
        self,
        function: Path,
        handler: str,
        scratch: Path,
        *,
        python: Path | str = sys.executable,
        layer: Path | None = None,
        wrapper: bool = True,
        environment: dict[str, str] | None = None,
        log_level: str = "info",
    ) -> None:
        self.function = function
        self.port, runtime_port = free_port(), free_port()
        runtime = [str(python), "-m", "awslambdaric", handler]
        variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        variables |= {
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(function),
        }
        variables |= environment or {}
        if layer is not None and wrapper:
            # Only the managed runtimes' own bootstrap reads the variable; here it is informative.
            variables.setdefault("AWS_LAMBDA_EXEC_WRAPPER", str(layer / "firehose_wrapper"))
            runtime.insert(0, variables["AWS_LAMBDA_EXEC_WRAPPER"])
        self.environment = variables
        self.command = [
            str(BINARY),
            *("--log-level", log_level),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
            *runtime,
        ]
        self._log = scratch / f"rie-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Rie:
        """Start the emulator and wait until it takes invocations."""
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                self.command,
                cwd=self.function,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own, by which the processes it starts are found again.
                start_new_session=True,
            )
        self._process = process
        try:
            wait_until(lambda: process.poll() is not None or self._is_open(), START_TIMEOUT, "RIE")
        except BaseException:
            self.stop()
            raise
        if process.poll() is not None:
            raise AssertionError(f"the emulator ended at once:\n{self.output}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, whatever the test did."""
        self.stop()

    @property
    def output(self) -> str:
        """All that emulator, runtime and function have written until now."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def invoke(self, event: Any = None, timeout: float = 30.0) -> Answer:
        """Invoke the function and wait for its answer, at most ``timeout`` seconds.

        A function that fails answers with status 200 and an object with ``errorType``, as
        AWS's emulator does; OSError when no answer came.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(
                "POST", "/2015-03-31/functions/function/invocations", json.dumps(event)
            )
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        try:
            return Answer(answer.status, json.loads(text))
        except ValueError:
            return Answer(answer.status, text)

    def processes(self) -> list[int]:
        """Ids of the processes that the emulator started and that still run."""
        if self._process is None:
            return []
        return [pid for pid in _session(self._process.pid) if pid != self._process.pid]

    def stop(self) -> int | None:
        """Shut the environment down as SIGTERM does; the emulator's exit status.

        Returns after at most STOP_TIMEOUT seconds with no process left; None when it had to be
        killed or was never started. A second call does nothing.
        """
        process = self._process
        if process is None:
            return None
        self._process = None
        process.send_signal(signal.SIGTERM)
        try:
            status: int | None = process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            status = None
        for pid in _session(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT)
        return status

    def _is_open(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _session(leader: int) -> list[int]:
    """The processes of a session that are no zombies, from /proc (proc_pid_stat(5))."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name, in parentheses, may hold spaces; after it: state, parent, group, session.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            members.append(int(entry.name))
    return members
