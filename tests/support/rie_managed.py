"""AWS's emulator as a Managed Instances environment, with the file system of the service.

In this mode the emulator starts ``/var/runtime/bootstrap`` and nothing else, in ``/var/task``, as
an unprivileged user. So it runs in a mount namespace of its own, in which /var/runtime, /var/task,
/var/lang, /opt and /tmp are what they are on the service. That takes Linux and root.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tools import rie

ROOT = Path(__file__).resolve().parents[2]
VAR_RUNTIME = ROOT / "local_lambda" / "var_runtime"

_MOUNT = """
set -e
mount -t tmpfs -o mode=755 none /var
mkdir /var/runtime /var/task /var/lang /var/client /var/rie
mount --bind {runtime} /var/runtime
mount --bind {task} /var/task
mount --bind {lang} /var/lang
mount --bind {client} /var/client
mount --bind {rie} /var/rie
mount --bind {opt} /opt
{sight}mount --rbind {tmp} /tmp
cd /var/task
exec /var/rie/aws-lambda-rie "$@"
"""


@functools.cache
def why_not() -> str | None:
    """Why this machine cannot run it; None when it can."""
    if not rie.BINARY.exists():
        return "no emulator: run `make rie`"
    if shutil.which("unshare") is None:
        return "no unshare(1) on this machine"
    probe = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /var"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"no mount namespace: {probe.stderr.strip()[-200:]}" if probe.returncode else None


class ManagedRie(rie.Rie):
    """One environment with ``workers`` worker processes, which handle invocations at a time each.

    ``python`` is an interpreter, ``client`` a folder with the runtime client for it, ``opt`` a
    folder laid out as /opt. Everything that the environment writes is below ``scratch``: ``tmp``
    is its /tmp. Init runs when it starts, not with the first invocation.
    """

    def __init__(
        self,
        function: Path,
        handler: str,
        scratch: Path,
        *,
        python: Path,
        client: Path,
        workers: int = 4,
        opt: Path | None = None,
        environment: dict[str, str] | None = None,
        log_level: str = "info",
    ) -> None:
        super().__init__(function, handler, scratch, environment=environment, log_level=log_level)
        self.environment |= {"AWS_LAMBDA_MAX_CONCURRENCY": str(workers), "_HANDLER": handler}
        del self.environment["LAMBDA_TASK_ROOT"]  # the emulator's to say
        self.tmp = scratch / "tmp"
        self.tmp.mkdir()
        self.tmp.chmod(0o1777)
        empty = scratch / "empty"
        empty.mkdir()
        runtime = scratch / "runtime"
        _lay_out_runtime(runtime, python, client)
        folders = {
            "runtime": runtime,
            "task": function,
            "lang": Path(python).resolve().parent.parent,
            "client": client,
            "rie": rie.BINARY.parent,
            "opt": opt or empty,
            "tmp": self.tmp,
        }
        script = _MOUNT.format(
            sight=keep_in_sight(python, self.tmp),
            **{name: shlex.quote(str(path)) for name, path in folders.items()},
        )
        # Every flag that rie.Rie gives, less the command, which this mode does not take.
        flags = self.command[1 : self.command.index(sys.executable)]
        self.command = ["unshare", "--mount", "sh", "-c", script, "rie", *flags]
        self._bootstrap = runtime / "bootstrap"
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="caller")

    def invoke(self, event: Any = None, timeout: float = 30.0) -> rie.Answer:
        """Invoke the function and wait for its answer; a failed one has status 200, or 4xx, 5xx.

        While no worker is free the emulator refuses, where the service would find another
        environment: such a call is made again, for up to ``timeout`` seconds.
        """
        give_up = time.monotonic() + timeout
        while True:
            answer = self._invoke(event, timeout)
            if answer.body != {"errorType": "Runtime.Unavailable"} or time.monotonic() > give_up:
                return answer
            time.sleep(0.02)

    def _invoke(self, event: Any, timeout: float) -> rie.Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(
                "POST",
                "/2015-03-31/functions/function/invocations",
                json.dumps(event),
                # Without it the runtime client hands the handler bytes.
                {"Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        try:
            return rie.Answer(answer.status, json.loads(text))
        except ValueError:
            return rie.Answer(answer.status, text)

    def export(self, assignment: str) -> None:
        """Give the runtime a variable that the emulator would not pass on; before the start."""
        first, end, rest = self._bootstrap.read_text().partition("\n")
        self._bootstrap.write_text(f"{first}{end}export {assignment}\n{rest}")

    def run(self, command: str) -> None:
        """Have this shell command be the runtime; before the start."""
        self._bootstrap.write_text(f"#!/bin/sh\nexec {command}\n")

    def start_invoke(self, event: Any = None) -> Future[rie.Answer]:
        """Invoke on a thread of its own, so that several run at a time."""
        return self._pool.submit(self.invoke, event)

    def workers(self) -> list[int]:
        """Ids of the worker processes: children of the runtime's own."""
        pids = self.processes()
        parents = {pid: _parent(pid) for pid in pids}
        return [pid for pid in pids if parents[pid] in pids]

    def stop(self) -> int | None:
        """As of rie.Rie."""
        status = super().stop()
        self._pool.shutdown(cancel_futures=True)
        return status


def keep_in_sight(python: Path, tmp: Path) -> str:
    """Shell lines that leave an interpreter below /tmp where it is when ``tmp`` becomes /tmp.

    It may have its loader and libraries there. Nothing for one that lies elsewhere.
    """
    prefix = Path(python).resolve().parent.parent
    if not prefix.is_relative_to("/tmp"):
        return ""
    inside = tmp / prefix.relative_to("/tmp")
    inside.mkdir(parents=True)
    return f"mount --bind {shlex.quote(str(prefix))} {shlex.quote(str(inside))}\n"


def _lay_out_runtime(folder: Path, python: Path, client: Path) -> None:
    """/var/runtime: the start-up scripts, and the client's packages beside them."""
    folder.mkdir()
    folder.chmod(0o755)
    version = Path(python).resolve().name
    text = (VAR_RUNTIME / "bootstrap").read_text()
    for place, value in {
        "@EXECUTION_ENV@": f"AWS_Lambda_{version}",
        "@PYTHON@": f"/var/lang/bin/{version}",
        "@PROGRAM@": "/var/runtime/bootstrap.py",
    }.items():
        text = text.replace(place, value)
    (folder / "bootstrap").write_text(text)
    (folder / "bootstrap").chmod(0o755)
    shutil.copyfile(VAR_RUNTIME / "bootstrap.py", folder / "bootstrap.py")
    for package in client.iterdir():
        (folder / package.name).symlink_to(f"/var/client/{package.name}")


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])
