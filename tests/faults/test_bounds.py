from __future__ import annotations

import gc
import json
import os
import weakref
from pathlib import Path
from typing import Any

import pytest

from faults.deployment import Deployment
from firehose_logging._clock import SystemClock
from firehose_logging._delivery import journal_files as _journal
from firehose_logging._delivery import orphans as _orphans
from firehose_logging._delivery.journal import PREFIX, name_prefix
from firehose_logging._delivery.journal_files import Journal
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.segment_reader import read_lines
from firehose_logging._firehose.direct import DirectTransport
from firehose_logging._firehose.endpoint import Endpoint
from firehose_logging._firehose.sigv4 import Credentials
from firehose_logging._http import HttpError, Parser
from firehose_logging.errors import BUFFER_FULL, UNENCODABLE
from firehose_logging.testing import ManualClock, MemoryTransport
from local_lambda.budgets import Budgets
from support.e2e_lambda import FUNCTIONS, layer
from support.stage import unthreaded
from tools.ports import free_port


def test_a_line_that_interrupts_another_comes_after_it() -> None:
    """A log call in the middle of a log call (signal, __del__) waits until that one is through."""
    transport = MemoryTransport()
    delivery = unthreaded(transport, ManualClock(), background=False)
    add = delivery._backlog.batcher.add

    def interrupted(line: bytes, now: float) -> None:
        delivery._backlog.batcher.add = add  # type: ignore[method-assign]
        delivery.add('{"message":"inner"')
        add(line, now)

    delivery._backlog.batcher.add = interrupted  # type: ignore[method-assign]
    delivery.add('{"message":"outer"')
    delivery.request_flush()
    delivery.dispatcher.step()

    assert transport.lines() == [
        {"message": "outer", "seq": 1},
        {"message": "inner", "seq": 2},
    ]


def test_an_init_error_is_delivered_though_the_process_is_killed() -> None:
    """What the module logged and its error are delivered before the platform hears of it."""
    code = FUNCTIONS / "init_error"
    with Deployment(layer(), {"FIREHOSE_LOGGING_JOURNAL": "off"}, code=code) as deployment:
        budgets = Budgets(init_error_ms=0, internal_ms=0, external_ms=0, runtime_share_ms=0)
        with deployment.environment(budgets=budgets) as environment:
            environment.init()
        lines = [line for line in deployment.lines() if line["type"] == "function"]

        assert "about to fail" in [line["message"] for line in lines]
        assert "ZeroDivisionError" in [line.get("errorType") for line in lines]


def test_what_dead_processes_leave_is_bounded(tmp_path: Path, monkeypatch: Any) -> None:
    """Past the bound the oldest journals go, their lines are counted, the newest are recovered."""
    for number in range(6):
        dead = Journal(str(tmp_path), name_prefix("logs"), f"{number}-dead")
        for line in range(10):
            dead.append(line, json.dumps({"of": number}).encode() + b"\n", 0.0, lambda: 0)
        dead.close(keep=True)
        (path,) = tmp_path.glob(f"{PREFIX}*{number}-dead*")
        os.utime(path, ns=(number, number))
    monkeypatch.setattr(_orphans, "MAX_BYTES", 2 * _journal.SEGMENT_BYTES)
    heir = Journal(str(tmp_path), name_prefix("logs"), "9-next")
    lines = [json.loads(line)["of"] for line in heir.recover()]

    assert lines == [4] * 10 + [5] * 10
    assert heir.found == {"buffer_full": 40}
    assert not sum(path.stat().st_size for path in tmp_path.glob(f"{PREFIX}*"))


class _Hanging(MemoryTransport):
    """Takes a call and, while it is on its way, has lines logged."""

    def __init__(self, meanwhile: Any) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def send(self, records: Any, timeout: float) -> Any:
        """Log, then store."""
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return super().send(records, timeout)


def test_a_call_that_hangs_does_not_let_the_journal_grow(tmp_path: Path) -> None:
    """Lines dropped while a call takes its time leave the journal too: it stays near the buffer."""
    sizes: list[int] = []

    def log() -> None:
        for _ in range(3_000):
            delivery.add('{"message":"' + "x" * 2_000 + '"')
        sizes.append(sum(path.stat().st_size for path in tmp_path.glob(f"{PREFIX}*")))

    transport = _Hanging(log)
    delivery = unthreaded(
        transport, ManualClock(), journal_folder=str(tmp_path), buffer_bytes=500_000
    )
    delivery.add('{"message":"first"')
    delivery.request_flush()
    delivery.dispatcher.step()

    # The call's own segment, those of the buffer, and one that is cut at either end of it.
    assert sizes[0] <= 500_000 + 4 * _journal.SEGMENT_BYTES
    kept = [json.loads(line)["seq"] for line in _lines_of(tmp_path)]
    assert 3_001 in kept
    assert len(kept) >= 500_000 // 2_100


def _lines_of(folder: Path) -> list[bytes]:
    found: list[bytes] = []
    for path in folder.glob(f"{PREFIX}*"):
        found += read_lines(path.read_bytes())
    return sorted(found, key=lambda line: json.loads(line)["seq"])


def test_a_refused_connection_keeps_no_request() -> None:
    """What a refused call held is free at once, not when the garbage collector comes by."""
    port = free_port()
    transport = DirectTransport(
        "logs", Endpoint("http", "127.0.0.1", port, "eu-west-1"),
        lambda: Credentials("key", "secret"), SystemClock(),
    )  # fmt: skip

    class Data(bytearray):
        """Can be referred to weakly."""

    records = [Data(b"line\n")]
    gone = weakref.ref(records[0])
    gc.disable()
    try:
        assert transport.send(records, 1.0).error == "Connect"
        del records
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 1001\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n"]
)
def test_a_body_over_the_bound_is_refused_before_it_comes(framing: bytes) -> None:
    """Announcing too large a body is enough to be refused; nothing of it is kept."""
    with pytest.raises(HttpError, match="1000 bytes"):
        Parser(1_000).feed(b"POST / HTTP/1.1\r\n" + framing)


def test_a_told_loss_that_is_lost_is_told_again() -> None:
    """When the line that tells losses is pushed out of the buffer, another one tells all."""
    throttled = CallOutcome(error="ServiceUnavailableException", status=503)
    transport = MemoryTransport([CallOutcome([None]), throttled])
    delivery = unthreaded(transport, ManualClock(), buffer_bytes=65_536)
    delivery.lose(UNENCODABLE, 3)
    delivery.add('{"message":"first"')
    delivery.request_flush()
    delivery.dispatcher.step()  # stored: the losses are to be told with the next call
    delivery.request_flush()
    delivery.dispatcher.step()  # throttled: the line that tells them waits
    for _ in range(6):
        delivery.add('{"message":"' + "x" * 20_000 + '"')  # and is pushed out
    for _ in range(3):
        delivery.request_flush(urgent=True)
        delivery.dispatcher.step()

    told = [line["own"]["lost"] for line in transport.lines() if "own" in line]
    assert told == [{UNENCODABLE: 3, BUFFER_FULL: 4}]
    assert delivery.counts()["lost"] == told[0]
