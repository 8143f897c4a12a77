"""The layer in AWS's emulator of Managed Instances: workers, concurrent invocations, SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_firehose import LocalFirehose
from support import versions
from support.e2e_lambda import FUNCTIONS, layer, lines_of, open_firehose, variables
from support.e2e_lines import assert_whole, platform
from support.rie_managed import ManagedRie, why_not
from tools import clients
from tools.waiting import wait_until

pytestmark = [
    pytest.mark.rie,
    pytest.mark.e2e,
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
    pytest.mark.conformance(table="Managed Instances", columns=["pair"]),
]

WORKERS = 4
NEWEST = clients.NEWEST
#: Managed Instances begin with Python 3.13; older ones run the same client.
PAIRS = versions.selected(
    [(max(clients.interpreters(), key=lambda v: int(v[2:])), NEWEST)],
    versions.everything(clients.MANAGED_VERSIONS),
)


@pytest.fixture(params=PAIRS, ids=versions.name)
def pair(request: pytest.FixtureRequest) -> versions.Versions:
    """A Python and a runtime client."""
    chosen: versions.Versions = request.param
    return chosen


@contextmanager
def managed(
    scratch: Path,
    pair: versions.Versions,
    mode: str = "wrapper",
    *,
    prepare: Callable[[ManagedRie], None] = lambda env: None,
    **environment: str | None,
) -> Iterator[tuple[ManagedRie, LocalFirehose]]:
    """The ``workers`` function with the layer; ``mode`` as the function knows it."""
    python, client = pair
    try:
        interpreter, packages = clients.interpreter(python), clients.client(client, python)
    except clients.UnavailableError as error:
        pytest.skip(str(error))
    with ExitStack() as stack:
        firehose = stack.enter_context(open_firehose())
        environment.setdefault("AWS_LAMBDA_FUNCTION_TIMEOUT", "20")
        if mode != "wrapper":
            environment["AWS_LAMBDA_EXEC_WRAPPER"] = None
        values = variables(firehose, MODE=mode, **environment)
        options: dict[str, Any] = {"python": interpreter, "client": packages, "workers": WORKERS}
        options["environment"] = {**firehose.environment(), **values}
        env = ManagedRie(FUNCTIONS / "workers", "app.handler", scratch, opt=layer(), **options)
        prepare(env)
        yield stack.enter_context(env), firehose


def together(env: ManagedRie, meeting: str, count: int = WORKERS, **event: Any) -> dict[str, str]:
    """Run so many invocations at the same time; the mark of each by its request id."""
    calls = {
        f"{meeting}{n}": env.start_invoke(
            {"mark": f"{meeting}{n}", "meeting": meeting, "together": count, **event}
        )
        for n in range(count)
    }
    answers = {mark: call.result().body for mark, call in calls.items()}
    assert all("requestId" in body for body in answers.values()), answers
    return {body["requestId"]: mark for mark, body in answers.items()}


def said_by(mark: str, lines: int, *, raises: bool = False, output: bool = True) -> Counter[str]:
    """What one invocation of the function says."""
    said = [f"{mark} line {n}" for n in range(lines)]
    if output:
        said += [f"{mark} printed", f"{mark} to stderr", f"UserWarning: {mark} warned"]
        if raises:
            said.append(f"RuntimeError: {mark} raised")
    return Counter(said)


def said_in(lines: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """What was said in the function's lines, by request id; "" is outside of any."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        if line["type"] == "function" and line["logger"] != "root":
            text = line["message"]
            if line["logger"] == "py.warnings":
                text = text.partition(": ")[2].splitlines()[0]
            found[line.get("requestId", "")][text] += 1
    return found


@pytest.mark.parametrize("mode", ["wrapper", "install", "handler"])
def test_every_line_has_its_invocation(pair: versions.Versions, mode: str, tmp_path: Path) -> None:
    """Lines of invocations that run at a time arrive once, each with its own request id."""
    with managed(tmp_path, pair, mode) as (env, firehose):
        first = together(env, "a", lines=50)
        second = together(env, "b", lines=50, **{"raise": True})
        env.stop()
        lines = lines_of(firehose)
        output = env.output
    said = said_in(lines)
    said.pop("", None)

    # A handler of the function's own takes what is logged, and nothing else.
    everything = mode != "handler"
    expected = {i: said_by(mark, 50, output=everything) for i, mark in first.items()}
    expected |= {i: said_by(mark, 50, raises=True, output=everything) for i, mark in second.items()}
    assert expected == said
    assert_whole(lines)
    assert "firehose_logging" not in output


@pytest.mark.parametrize("mode", ["wrapper", "install"])
def test_one_process_is_the_extension(pair: versions.Versions, mode: str, tmp_path: Path) -> None:
    """One registration, one subscription; platform events arrive once, from one instance."""
    with managed(tmp_path, pair, mode) as (env, firehose):
        ids = together(env, "a")
        env.stop()
        lines = lines_of(firehose)
        output = env.output
    events = [line for line in lines if line["type"].startswith("platform.")]

    assert output.count("Internal agent registered") == 1
    assert output.count("Telemetry subscription created") == 1
    assert len({line["instanceId"] for line in events}) == 1
    assert len(platform(lines, "initStart")) == len(platform(lines, "telemetrySubscription")) == 1
    for kind in ("start", "report"):
        assert Counter([*ids]) == Counter(line["requestId"] for line in platform(lines, kind))
    assert not platform(lines, "runtimeDone")  # not a part of this platform


@pytest.mark.parametrize("mode", ["wrapper", "install"])
def test_sigterm_flushes_every_worker(pair: versions.Versions, mode: str, tmp_path: Path) -> None:
    """At SIGTERM each worker delivers what it holds, and ends before SIGKILL."""
    interval = {"FIREHOSE_LOGGING_INTERVAL": "900"}
    with managed(tmp_path, pair, mode, **interval) as (env, firehose):
        ids = together(env, "a", lines=100)
        assert lines_of(firehose) == []
        env.stop()
        lines = lines_of(firehose)
        output = env.output
    said = said_in(lines)
    said.pop("")

    assert {i: said_by(mark, 100) for i, mark in ids.items()} == said
    assert_whole(lines)
    assert len({line["instanceId"] for line in lines if line["type"] == "function"}) == WORKERS
    assert "SIGKILL" not in output


def ended(pid: int) -> bool:
    """Whether a process has let go of everything: its files are open until its last thread ends."""
    try:
        threads = [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return threads == [str(pid)] and stat.rpartition(")")[2].split()[0] in "ZX"


def test_every_worker_has_its_own_journal(pair: versions.Versions, tmp_path: Path) -> None:
    """No worker touches another's journal; what a killed one left is delivered at the end."""
    interval = {"FIREHOSE_LOGGING_INTERVAL": "900"}
    with managed(tmp_path, pair, **interval) as (env, firehose):
        ids = together(env, "a", lines=30)
        found = env.tmp.glob(".firehose-logging-*.journal")
        journals = {path.name.partition("~")[2] for path in found}
        workers = env.workers()
        assert {name.partition("-")[0] for name in journals} >= {str(pid) for pid in workers}
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: ended(workers[0]), what="the worker's end")
        assert lines_of(firehose) == []
        env.stop()
        lines = lines_of(firehose)
    recovered = [line for line in lines if "recovered" in line]
    said = said_in(lines)
    said.pop("")

    assert {i: said_by(mark, 30) for i, mark in ids.items()} == said
    assert len(recovered) == 1
    assert_whole(lines)


def test_function_telemetry_names_the_invocation(pair: versions.Versions, tmp_path: Path) -> None:
    """Lines that the platform sends back name their own invocation, not the last one started."""
    types = {"FIREHOSE_LOGGING_TELEMETRY": "platform,function"}
    with managed(tmp_path, pair, **types) as (env, firehose):
        ids = together(env, "a", lines=20)
        env.stop()
        lines = [line for line in lines_of(firehose) if line["type"] == "function"]
    named: dict[str, Counter[str]] = defaultdict(Counter)
    unnamed: Counter[str] = Counter()
    for line in lines:
        text = line["message"]
        if text.startswith("{"):
            named[line.get("requestId", "")][json.loads(text)["message"]] += 1
        else:
            unnamed[text] += 1
            assert "requestId" not in line  # nobody knows whose it is
    named.pop("")

    assert {i: said_by(mark, 20, output=False) for i, mark in ids.items()} == named
    assert {f"{mark} printed" for mark in ids.values()} <= set(unnamed)


def test_worker_output_goes_where_it_went(pair: versions.Versions, tmp_path: Path) -> None:
    """With the platform's output socket, as on the service: its copy and ours are both whole."""
    given: list[str] = []

    class Reader(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            given.extend(line.decode().rstrip("\n") for line in self.rfile)

    def listen(env: ManagedRie) -> None:
        server = socketserver.ThreadingUnixStreamServer(str(env.tmp / "output"), Reader)
        stack.callback(server.server_close)  # waits for the readers
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        stack.callback(server.shutdown)
        (env.tmp / "output").chmod(0o777)
        # The emulator passes no such variable on.
        env.export("_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET=/tmp/output")

    with ExitStack() as stack, managed(tmp_path, pair, prepare=listen) as (env, firehose):
        ids = together(env, "a", lines=20)
        env.stop()
        said = said_in(lines_of(firehose))
    said.pop("")

    assert {i: said_by(mark, 20) for i, mark in ids.items()} == said
    for mark in ids.values():
        assert f"{mark} printed" in given
        assert f"{mark} to stderr" in given
        assert sum(f'"{mark} line 7"' in line for line in given) == 1
