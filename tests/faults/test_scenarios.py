"""Hang and crash scenarios by name: in each, the function answers and every line is accounted for.

`tests/e2e/test_lifecycle.py` has those of a healthy Firehose, `tests/e2e/test_bad_input.py` those
of wrong settings, `tests/faults/test_matrix.py` the faults of Firehose by themselves.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faults.account import settle
from faults.cell import call, journalled
from faults.deployment import Deployment, held, holds
from local_firehose import Fault
from support.e2e_lambda import FUNCTIONS, REST, ROOT, layer
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

#: Milliseconds. What docs/delivery.md promises for the hold, and what a busy machine adds.
MOST_HELD = 3_000 + 1_500


def deploy(variables: dict[str, str] | None = None) -> Deployment:
    """The function that logs numbered lines."""
    return Deployment(layer(), variables)


def deploy_broken(variables: dict[str, str] | None = None) -> Deployment:
    """The function that breaks the package from the inside."""
    return Deployment(layer(), variables, code=FUNCTIONS / "broken")


def said(deployment: Deployment) -> list[str]:
    """The messages of the function that have arrived."""
    return [line["message"] for line in deployment.lines() if line.get("logger") == "user"]


def gaps(deployment: Deployment) -> int:
    """Numbers missing below the newest of each instance."""
    return settle(set(), deployment.lines()).gaps


#: Milliseconds; longer than what a busy machine makes of no hold.
WAITED = 1_000

DOWN = {
    "down": Fault.refuse(),
    "slow": Fault.latency(1_500),
    "drips a byte a second": Fault.drip(1_000),
    "hangs": Fault.hang(),
    "black hole": Fault.black_hole(),
}

#: How many of the three invocations may be held for long.
ONCE = {**dict.fromkeys(DOWN, 1), "slow": 3}


@pytest.mark.parametrize(
    ("how", "transport"), [*((how, "auto") for how in DOWN), ("hangs", "boto3")]
)
def test_firehose_is_gone_and_comes_back(how: str, transport: str) -> None:
    """Answers stay the function's, the hold stays bounded, and after it no line is missing."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "end", "FIREHOSE_LOGGING_TRANSPORT": transport}
    with deploy(variables) as deployment:
        deployment.firehose.faults.set(DOWN[how])
        with deployment.environment() as environment:
            for number in range(3):
                answer = call(environment, {"first": 1 + 20 * number, "lines": 20})
                assert answer.payload == {"logged": 20}
            assert held(environment) < MOST_HELD
            # A call that hangs is waited for once, not by every invocation until it is given up.
            assert len([hold for hold in holds(environment) if hold > WAITED]) <= ONCE[how]
            deployment.firehose.faults.clear()
            call(environment, {"first": 61, "lines": 20})
        for _ in range(2):  # a call that hangs is given up after 5 s, later than SIGKILL comes
            if journalled(deployment.tmp):
                with deployment.environment() as environment:
                    call(environment, {"sleep": 1})
        account = settle(deployment.accepted(), deployment.lines())

        assert account.logged == account.delivered == 80
        assert account.gaps == 0


def test_firehose_crashes_in_mid_invocation() -> None:
    """The stream goes away while lines are on their way, and comes back: nothing is missing."""
    with deploy({"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "0.1"}) as d:
        with d.environment() as environment:
            d.firehose.faults.set(Fault.reset_after_body(times=3, stored=True), Fault.latency(20))
            for number in range(4):
                event = {"first": 1 + 500 * number, "lines": 500, "pace": 0.001}
                assert call(environment, event).payload == {"logged": 500}
                d.firehose.faults.set(*([Fault.refuse()] if number == 0 else []))
        account = settle(d.accepted(), d.lines())

        assert account.logged == account.delivered == 2_000
        assert account.gaps == 0


def test_dns_stalls() -> None:
    """A name that is looked up for ever holds neither the function nor the environment."""
    with deploy({"FIREHOSE_LOGGING_FLUSH": "end"}) as deployment:
        stalled = deployment.tmp / "dns-stall"
        stalled.touch()
        with deployment.environment() as environment:
            for number in range(2):
                answer = call(environment, {"first": 1 + number, "lines": 1})
                assert answer.payload == {"logged": 1}
            assert held(environment) < MOST_HELD
            stalled.unlink()
            call(environment, {"sleep": 1})
        account = settle(deployment.accepted(), deployment.lines())

        assert account.logged == account.delivered == 2


def test_the_delivery_thread_dies_and_is_replaced() -> None:
    """A delivery thread that dies with records in flight costs nothing but a second try."""
    with deploy_broken({"FIREHOSE_LOGGING_FLUSH": "end"}) as deployment:
        with deployment.environment() as environment:
            call(environment, {"say": ["before"]})
            answer = call(environment, {"break": ["delivery dies once"], "say": ["meanwhile"]})
            assert answer.payload == "answer"
            call(environment, {"say": ["after"]})
        assert said(deployment) == ["before", "meanwhile", "after"]
        assert gaps(deployment) == 0


@pytest.mark.parametrize("broken", ["delivery dies", "delivery hangs"])
def test_next_is_asked_for_without_a_delivery_thread(broken: str) -> None:
    """Whatever became of the delivery thread, each invocation ends before its deadline."""
    with deploy_broken({"FIREHOSE_LOGGING_FLUSH": "end"}) as deployment:
        with deployment.environment(timeout=2.0) as environment:
            answers = [call(environment, {"break": [broken], "say": ["lost?"]})]
            answers += [call(environment, {"say": [f"line {n}"]}) for n in range(2)]
            assert [answer.payload for answer in answers] == ["answer"] * 3
            assert [report["status"] for report in environment.reports] == ["success"] * 3
            assert held(environment) < 2_000
        assert journalled(deployment.tmp)  # not delivered, and not gone
        with deployment.environment() as environment:
            call(environment, {"sleep": 1})
        assert said(deployment) == ["lost?", "line 0", "line 1"]


@pytest.mark.parametrize("broken", ["listener fails", "listener closed"])
def test_the_listener_dies(broken: str) -> None:
    """Without telemetry invocations go on, lines arrive, and no loop burns the processor."""
    with deploy_broken({"FIREHOSE_LOGGING_FLUSH": "end"}) as deployment:
        with deployment.environment(timeout=3.0) as environment:
            for number in range(3):
                event = {"break": [broken] if not number else [], "say": [f"line {number}"]}
                assert call(environment, event).payload == "answer"
            assert [report["status"] for report in environment.reports] == ["success"] * 3
            pid = environment.pid
            assert pid is not None
            before = _cpu_seconds(pid)
            call(environment, {"sleep": 1})
            assert _cpu_seconds(pid) - before < 0.5
        assert said(deployment) == ["line 0", "line 1", "line 2"]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nobody_tells_that_the_handler_is_done() -> None:
    """Without hook and runtimeDone one invocation is held to its deadline, the next are not."""
    with deploy_broken({"FIREHOSE_LOGGING_FLUSH": "end"}) as deployment:
        with deployment.environment(timeout=2.0) as environment:
            call(environment, {"break": ["no runtimeDone"], "say": ["line 0"]})
            (longest,) = holds(environment)
            assert longest < 2_000
            for number in range(1, 4):
                assert call(environment, {"say": [f"line {number}"]}).payload == "answer"
            assert [report["status"] for report in environment.reports] == ["success"] * 4
            assert all(later < longest / 2 for later in holds(environment)[1:])
        assert sorted(said(deployment)) == [f"line {number}" for number in range(4)]


def test_logging_is_redirected_in_mid_flight() -> None:
    """A dictConfig that removes our handler while it runs costs the rest of that invocation."""
    with deploy_broken() as deployment:
        with deployment.environment() as environment:
            call(environment, {"say": ["before"]})
            assert call(environment, {"break": ["logging redirected"]}).payload == "answer"
            call(environment, {"say": ["after"]})
        assert said(deployment) == ["before", "after"]


@pytest.mark.parametrize("telemetry", ["platform", "platform,function"])
def test_everything_at_debug_does_not_feed_back(telemetry: str) -> None:
    """With root, botocore and urllib3 at DEBUG and function telemetry, lines do not make lines."""
    variables = {
        "FIREHOSE_LOGGING_FLUSH": "end",
        "FIREHOSE_LOGGING_TRANSPORT": "boto3",
        "FIREHOSE_LOGGING_TELEMETRY": telemetry,
    }
    with deploy_broken(variables) as deployment:
        with deployment.environment() as environment:
            call(environment, {"break": ["everything at DEBUG"], "say": ["first"]})
            for _ in range(9):
                call(environment, {})
        lines = deployment.lines()

        assert len([line for line in lines if "first" in str(line.get("message"))]) == 1
        assert not [line for line in lines if "botocore" in str(line.get("logger"))]
        # start, runtimeDone, report and what Init has to say; a loop would have no end.
        assert len(lines) < 10 * 5 + 10


FULL = """
import sys
sys.path[:0] = {paths!r}
import test_scenarios as me
me.full_disk()
"""


def full_disk() -> None:
    """Run with a /tmp that has no room for the journal; called in a namespace of its own."""
    with deploy({"FIREHOSE_LOGGING_FLUSH": "end"}) as deployment:
        small = deployment.tmp
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], check=True)
        try:
            with deployment.environment() as environment:
                for number in range(3):
                    event = {"first": 1 + 10 * number, "lines": 10}
                    assert call(environment, event).payload == {"logged": 10}
                told = [e.text for e in environment.output if "no crash journal" in e.text]
            account = settle(deployment.accepted(), deployment.lines())
            assert account.logged == account.delivered == 30
            assert len(told) == 1, told
        finally:
            subprocess.run(["umount", str(small)], check=True)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounting needs root and unshare"
)
def test_the_disk_is_full() -> None:
    """With a full /tmp all lines arrive, the function runs, and one message says so."""
    program = FULL.format(paths=[str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "faults")])
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", program],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    if "unshare failed" in done.stderr or "permission denied" in done.stderr:
        pytest.skip("no mount namespace to be had here")
    assert done.returncode == 0, done.stderr


HOSTILE: list[bytes] = [
    b"",
    b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n[{",  # truncated
    b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nnot json",
    b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n\xff\xfe\xfd\xfc\xfb\xfa",
    b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nnull",
    b"POST / HTTP/1.1\r\nContent-Length: 15\r\n\r\n[1, [], {}, \"\"]",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000,
    b"POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + b"[" * 5_000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
]  # fmt: skip


def test_hostile_telemetry() -> None:
    """Nonsense, slow and too many connections: the platform's own batches still arrive at once."""
    with deploy({"FIREHOSE_LOGGING_FLUSH": "end"}) as deployment:
        port = int(deployment.variables["HTTP_LOGS_LISTENER_PORT"])
        with deployment.environment(freeze=False) as environment:
            call(environment, {"first": 1, "lines": 1})
            open_ones: list[socket.socket] = []
            for attempt in range(3):
                for data in HOSTILE:
                    odd = socket.create_connection(("127.0.0.1", port), timeout=5)
                    odd.sendall(data)
                    if attempt:
                        odd.close()
                    else:
                        open_ones.append(odd)  # and never closed, and never finished
                answer = call(environment, {"first": 2 + attempt, "lines": 1})
                assert answer.payload == {"logged": 1}
            body = b'[{"time":"x","type":7,"record":1},{"time":"2026-01-01T00:00:00.000Z",'
            body += b'"type":"platform.fromTomorrow","record":{"requestId":"r"}}]'
            request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            wait_until(lambda: _posted(port, request), REST, "the listener takes a batch")
            for odd in open_ones:
                odd.close()
            call(environment, {"first": 5, "lines": 1})
            assert [report["status"] for report in environment.reports] == ["success"] * 5
        lines = deployment.lines()
        account = settle(deployment.accepted(), lines)

        assert account.delivered == 5
        assert [line for line in lines if line["type"] == "platform.fromTomorrow"]
        assert len([line for line in lines if line["type"] == "platform.report"]) == 5


def _posted(port: int, request: bytes) -> bool:
    """Whether one connection of many was let in and answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sound:
            sound.sendall(request)
            return sound.recv(100).startswith(b"HTTP/1.1 200 OK")
    except OSError:
        return False


def test_one_environment_does_not_take_anothers_journal() -> None:
    """Two living processes with one /tmp deliver their own lines, each once."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deploy(variables) as deployment, deployment.environment() as one:
        call(one, {"first": 1, "lines": 50})
        deployment.variables["HTTP_LOGS_LISTENER_PORT"] = str(_other_port())
        with deployment.environment() as two:
            call(two, {"first": 51, "lines": 50})
            two.shutdown()
        one.shutdown()
        account: Any = settle(deployment.accepted(), deployment.lines())

        assert account.logged == account.delivered == 100
        assert account.repeated == 0


def _other_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
