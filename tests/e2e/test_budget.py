"""What we may cost, in things that can be counted: modules, threads, descriptors, requests, bytes.

Nothing here is timed. Each figure is compared with the same function without the layer, or with
what one call needs by its protocol; a change that needs more has to raise a number here.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from firehose_logging._clock import SystemClock
from firehose_logging._firehose import direct as _direct
from firehose_logging._firehose.direct import DirectTransport
from firehose_logging._firehose.endpoint import Endpoint
from firehose_logging._firehose.sigv4 import Credentials
from firehose_logging._firehose.trust import Connection
from local_firehose import DeliveryStream, LocalFirehose
from support import versions
from support.e2e_lambda import deployed
from tools import clients

#: Every Python that is here: what a module loads differs between them.
PYTHONS = versions.everything(clients.VERSIONS[-1:])

pytestmark = pytest.mark.e2e

#: What the function's process may have loaded at its first answer besides our own modules and
#: what it loads without us. Each is built in or small. Think before adding to this list: it is
#: paid at every cold start.
MODULES = {
    "_socket", "atexit", "contextlib", "errno", "fcntl", "gc", "importlib.machinery", "math",
    "mmap", "select",
}  # fmt: skip

#: What may come with the first delivery besides those: TLS, signatures, addresses.
MODULES_TO_DELIVER = MODULES | {
    "_blake2", "_hashlib", "_ssl", "_struct", "array", "base64", "binascii", "hashlib",
    "hmac", "selectors", "socket", "ssl", "struct",
}  # fmt: skip

#: Never loaded by us, not even for deliveries: milliseconds or megabytes each.
HEAVY = {
    "asyncio", "boto3", "botocore", "concurrent", "ctypes", "email", "http", "urllib", "urllib3",
    "wrapt", "xml",
}  # fmt: skip

#: Companion and delivery.
THREADS = 2

#: Wake-up pipe (2), Extensions API, telemetry listener and its connection, journal (the one that
#: mmap keeps), Firehose.
DESCRIPTORS = 7

#: Bytes of a call that are not records: head, signature, names. Without the session token, which
#: is as long as the service makes it.
CALL_BYTES = 640

#: Bytes of a record that are not its data in base64, with the comma.
RECORD_BYTES = 12

PROBE = """
import gc
import logging
import os
import sys

logger = logging.getLogger("app")
logger.setLevel(logging.INFO)
collects = gc.isenabled(), gc.get_freeze_count(), gc.get_threshold()


def io():
    with open("/proc/thread-self/io") as counters:
        return dict(line.split(": ") for line in counters.read().splitlines())


def handler(event, context):
    lines = event.get("lines", 1)
    before = io()
    for number in range(lines):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42"})
    after = io()
    return {
        "modules": sorted(sys.modules),
        "collects": collects,
        # Those that run Python: the runtime client's curl has some of its own now and then.
        "threads": len(sys._current_frames()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "reads": int(after["syscr"]) - int(before["syscr"]),
        "writes": int(after["syscw"]) - int(before["syscw"]),
    }
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """A function that counts what its process has."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "app.py").write_text(PROBE)
    return folder


@pytest.fixture(
    scope="module",
    params=versions.selected(PYTHONS, PYTHONS),
    ids=versions.name,
)
def runtime(request):
    """What makes the environment run on one of Lambda's Pythons, with its newest client."""
    return versions.runtime(request.param)


@pytest.fixture(scope="module")
def bare(probe, runtime):
    """The answers of three invocations without the layer."""
    with deployed(probe, with_layer=False, **runtime) as run:
        return [run.invoke({}).payload for _ in range(3)]


@pytest.fixture(scope="module")
def first(probe, runtime):
    """The first answer with the layer."""
    with deployed(probe, **runtime) as run:
        return run.invoke({}).payload


def ours(names):
    """Without what is ours by name."""
    return {name for name in names if not name.startswith("firehose_logging")}


def test_modules_at_the_first_answer(first, bare):
    """Wrapper, extension, telemetry, capture and a line logged load these modules and no other.

    ``select`` comes with the companion, which may be there where the machine is slow.
    """
    added = ours(first["modules"]) - set(bare[0]["modules"])
    assert not added & HEAVY
    assert added <= MODULES
    assert "firehose_logging._extension.extension" in first["modules"]


def test_the_collector_runs_when_the_function_is_imported(first, bare):
    """It was off while code was read, ours and the runtime client's, and no trace is left of it."""
    assert first["collects"] == bare[0]["collects"]
    assert first["collects"][0]


def test_modules_after_deliveries(probe, runtime, bare):
    """Direct deliveries load what TLS and signatures need, and no SDK."""
    with deployed(probe, {"FIREHOSE_LOGGING_FLUSH": "end"}, **runtime) as run:
        answers = [run.invoke({}).payload for _ in range(3)]
        assert run.firehose.ledger.records >= 2

    added = ours(answers[-1]["modules"]) - set(bare[-1]["modules"])
    assert not {name.partition(".")[0] for name in added} & HEAVY
    assert added <= MODULES_TO_DELIVER
    assert "firehose_logging._firehose.direct" in answers[-1]["modules"]


def test_threads_and_descriptors(probe, runtime, bare):
    """Two threads and seven descriptors more, and no more however often is delivered."""
    with deployed(probe, {"FIREHOSE_LOGGING_FLUSH": "end"}, **runtime) as run:
        answers = [run.invoke({}).payload for _ in range(12)]
        assert run.firehose.ledger.records >= 11

    threads = [answer["threads"] - bare[-1]["threads"] for answer in answers]
    descriptors = [answer["descriptors"] - bare[-1]["descriptors"] for answer in answers]
    assert max(threads) == threads[-1] == THREADS
    assert max(descriptors) == descriptors[-1] == DESCRIPTORS


def test_a_log_call_makes_no_system_call_that_reads_or_writes(probe):
    """Journal on: a line is encoded and appended, and what it is kept in is memory."""
    variables = {"FIREHOSE_LOGGING_PASSTHROUGH": "off", "FIREHOSE_LOGGING_FLUSH": "periodic"}
    with deployed(probe, variables) as run:
        run.invoke({"lines": 1})  # the first loads what is loaded once
        none = run.invoke({"lines": 0}).payload
        many = run.invoke({"lines": 1_000}).payload
        run.shutdown()
        assert len(run.said) == 1_001

    # What reading the counters costs is in both. Once a process, when memory that another thread
    # took is given back, glibc reads /proc/sys/vm/overcommit_memory (malloc/arena.c).
    assert many["reads"] - none["reads"] in (0, 1)
    assert many["writes"] == none["writes"]


def test_requests_to_lambda(probe):
    """One registration, one subscription, and for each invocation one request for the next."""
    with deployed(probe, {"FIREHOSE_LOGGING_FLUSH": "end"}) as run:
        for _ in range(5):
            run.invoke({})
        asked = [
            event.what
            for event in run.env.timeline
            if event.source == "extension:firehose-logging-internal"
        ]

    assert asked.count("register") == 1
    assert asked.count("next") == 1 + 5
    assert set(asked) == {"register", "next", "INVOKE"}


@pytest.mark.parametrize("policy", ["end", "periodic"])
def test_calls_and_connections_of_an_environment(probe, policy):
    """A call for each flush and one connection for all of them."""
    with deployed(probe, {"FIREHOSE_LOGGING_FLUSH": policy}) as run:
        for _ in range(8):
            run.invoke({"lines": 20})
        run.shutdown()
        ledger = run.firehose.ledger
        assert len(run.said) == 160

    # At the shutdown telemetry may come in two posts.
    calls = range(8, 11) if policy == "end" else range(1, 3)
    assert len(ledger.calls) in calls
    assert ledger.records == len(ledger.calls)
    assert ledger.connections == 1


# -- one call -----------------------------------------------------------------------------------


class CountingSocket(Connection):
    """Counts what crosses it."""

    made: ClassVar[list[CountingSocket]] = []

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sends = self.receives = 0
        self.made.append(self)

    def sendall(self, *args: Any) -> None:
        self.sends += 1
        super().sendall(*args)

    def recv(self, *args: Any) -> bytes:
        self.receives += 1
        return super().recv(*args)


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """A direct transport to a local Firehose over counting sockets, and that Firehose."""
    # Only what the transport connects by: the server's sockets are nobody's to count.
    monkeypatch.setattr(_direct, "Connection", CountingSocket)
    monkeypatch.setattr(CountingSocket, "made", [])
    with ExitStack() as stack:
        stream = DeliveryStream("logs", tmp_path / "bucket", throughput=None)
        firehose = stack.enter_context(LocalFirehose([stream]))
        environ = firehose.environment()
        credentials = Credentials(
            environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], None
        )
        transport = DirectTransport(
            "logs",
            Endpoint("http", "127.0.0.1", firehose.port, firehose.region),
            lambda: credentials,
            SystemClock(),
        )
        stack.callback(transport.close)
        yield transport, firehose


def test_a_call_is_one_send_and_one_receive(counted):
    """On one connection, each call is written at once and its answer read at once."""
    transport, firehose = counted
    for _ in range(30):
        assert transport.send([b"x" * 1_000 + b"\n"], 10).codes == [None]

    (sock,) = CountingSocket.made
    assert (sock.sends, sock.receives) == (30, 30)
    assert firehose.ledger.connections == 1
    assert len(firehose.ledger.calls) == 30


@pytest.mark.parametrize("records", [1, 2, 50])
def test_bytes_of_a_call(counted, records):
    """Beyond base64 a call costs a head of fixed size, and a record a few bytes."""
    transport, firehose = counted
    data = [b"x" * 2_999 + b"\n"] * records
    assert transport.send(data, 10).codes == [None] * records

    overhead = firehose.ledger.wire_bytes - sum(len(record) for record in data) * 4 // 3
    assert overhead <= CALL_BYTES + RECORD_BYTES * records
