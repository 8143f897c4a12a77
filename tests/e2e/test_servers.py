"""Real servers outside Lambda, stopped by SIGTERM as `docker stop`, ECS and Kubernetes do."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_firehose import LocalFirehose
from support import versions
from support.stage import ROOT, child_environment
from tools import clients
from tools.libraries import REQUIREMENTS
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

CODE = ROOT / "tests/functions/services"
#: Seconds. A server that has not ended by then hangs.
DEADLINE = 30.0

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(firehose: LocalFirehose, tmp_path: Path) -> Iterator[Start]:
    """Starts `python -m NAME ARGUMENTS` with the library of that name installed."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str, *args: str, **variables: str) -> subprocess.Popen[bytes]:
        python = versions.RUNNING
        try:
            packages = clients.packages(
                f"{name}-py{python}", python, *REQUIREMENTS[name], folder=ROOT / "build/servers"
            )
        except clients.UnavailableError as error:
            pytest.skip(str(error))
        environment = child_environment(
            **firehose.environment(),
            PYTHONPATH=f"{ROOT}:{packages}:{CODE}",
            TMPDIR=str(tmp_path),
            HOME=str(tmp_path),
            FIREHOSE_LOGGING_INTERVAL="900",
            **variables,
        )
        del environment["AWS_CONFIG_FILE"], environment["AWS_SHARED_CREDENTIALS_FILE"]
        interpreter = str(clients.interpreter(python))
        with (tmp_path / "output").open("ab") as output:
            process = subprocess.Popen(
                [interpreter, "-m", name, *args], cwd=tmp_path, env=environment,
                stdout=output, stderr=output,
            )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE)


def ask(path: Path, what: str) -> bool:
    """One request over a server's UNIX socket; False while nobody listens there."""
    connection = http.client.HTTPConnection("localhost", timeout=DEADLINE)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(str(path))
        connection.request("GET", what)
        return connection.getresponse().read() == b"ok"
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes]) -> int:
    """The exit status after SIGTERM."""
    process.send_signal(signal.SIGTERM)
    return process.wait(DEADLINE)


def arrived(firehose: LocalFirehose) -> list[str]:
    """What the service logged and has arrived, in order of its words."""
    firehose.flush()
    lines = firehose.stream("logs").lines()
    return sorted(line["message"] for line in lines if line["type"] == "function")


def children_of(pid: int) -> list[int]:
    """The processes that this one has forked."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(number) for number in text.split()]


def lives(pid: int) -> bool:
    """Whether there is such a process, other than one that nobody has waited for yet."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


ASKED = [f"asked /{number}" for number in range(3)]


@pytest.mark.parametrize("more", [[], ["--preload"]], ids=["workers", "preload"])
def test_gunicorn(start: Start, firehose: LocalFirehose, tmp_path: Path, more: list[str]) -> None:
    """Its workers deliver what they logged, forked before the handler was made or after."""
    path = tmp_path / "gunicorn.sock"
    process = start("gunicorn", "-w", "2", "-b", f"unix:{path}", *more, "app:wsgi")
    for number in range(3):
        wait_until(lambda n=number: ask(path, f"/{n}"), DEADLINE, "an answer")

    assert stop(process) == 0
    assert arrived(firehose) == ASKED


def test_uvicorn(start: Start, firehose: LocalFirehose, tmp_path: Path) -> None:
    """It ends by the signal, without exit hooks; everything has arrived all the same."""
    path = tmp_path / "uvicorn.sock"
    process = start("uvicorn", "--uds", str(path), "app:asgi")
    for number in range(3):
        wait_until(lambda n=number: ask(path, f"/{n}"), DEADLINE, "an answer")

    assert stop(process) == -signal.SIGTERM
    assert arrived(firehose) == [*ASKED, "shutting down"]


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_celery(start: Start, firehose: LocalFirehose, tmp_path: Path, killed: bool) -> None:
    """Prefork workers leave without Python's exit hooks; what their tasks logged arrives.

    Where SIGKILL takes them and their parent, which delivers what they leave, who comes next does.
    """
    folder = tmp_path / "broker"
    folder.mkdir()

    def order(number: int) -> None:
        call = ["-A", "app:worker", "call", "app.say", "-a", f"[{number}]"]
        assert start("celery", *call, BROKER=str(folder)).wait(DEADLINE) == 0

    def done(count: int) -> None:
        wait_until(
            lambda: len(list(folder.glob("done-*"))) == count, DEADLINE, "the tasks to be done"
        )

    for number in range(3):
        order(number)
    worker = ["-A", "app:worker", "worker", "-c", "2"]
    process = start("celery", *worker, BROKER=str(folder))
    done(3)
    if killed:
        children = children_of(process.pid)
        process.kill()
        process.wait(DEADLINE)
        for child in children:
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: not any(map(lives, children)), DEADLINE, "the workers' end")
        process = start("celery", *worker, BROKER=str(folder))
        order(3)
        done(4)  # it has started when it has done something: it heeds SIGTERM

    assert stop(process) == 0
    assert arrived(firehose) == [f"task {number}" for number in range(4 if killed else 3)]
