from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from e2e_lambda import FUNCTIONS, layer
from faults.deployment import Deployment
from firehose_logging import _journal
from firehose_logging._journal import FOLDER, Journal
from firehose_logging.testing import ManualClock, MemoryTransport
from local_lambda.budgets import Budgets
from stage import Unthreaded


def test_a_line_that_interrupts_another_comes_after_it() -> None:
    """A log call in the middle of a log call (signal, __del__) waits until that one is through."""
    transport = MemoryTransport()
    delivery = Unthreaded(transport, ManualClock(), background=False)
    add = delivery._batcher.add

    def interrupted(line: bytes, now: float) -> None:
        delivery._batcher.add = add  # type: ignore[method-assign]
        delivery.add('{"message":"inner"')
        add(line, now)

    delivery._batcher.add = interrupted  # type: ignore[method-assign]
    delivery.add('{"message":"outer"')
    delivery.request_flush()
    delivery.step()

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
        dead = Journal(str(tmp_path), "logs", f"{number}-dead")
        for line in range(10):
            dead.append(line, json.dumps({"of": number}).encode() + b"\n", lambda: 0)
        dead.close(keep=True)
        (path,) = tmp_path.glob(f"{FOLDER}/*{number}-dead*")
        os.utime(path, ns=(number, number))
    monkeypatch.setattr(_journal, "MAX_LEFT_BYTES", 2 * _journal.SEGMENT_BYTES)
    heir = Journal(str(tmp_path), "logs", "9-next")
    lines = [json.loads(line)["of"] for line in heir.recover()]

    assert lines == [4] * 10 + [5] * 10
    assert heir.found == {"buffer_full": 40}
    assert not list(tmp_path.glob(f"{FOLDER}/*"))
