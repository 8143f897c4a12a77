"""Durable functions with AWS's own SDK: one execution over several invocations, and its replay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_firehose import LocalFirehose
from support import packages
from support.e2e_lambda import FUNCTIONS, Run, deployed, lines_of, open_firehose

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),  # a first installation
    pytest.mark.conformance(table="Durable functions", columns=[], rows=[]),
]

ARN = "arn:aws:lambda:eu-west-1:012345678912:function:f:1/durable-execution/order-17/0a1b2c3d"
EXECUTION = {
    "Id": ARN.rpartition("/")[2],
    "Type": "EXECUTION",
    "Status": "STARTED",
    "StartTimestamp": 1_790_000_000_000,
    "ExecutionDetails": {"InputPayload": '{"order": 17}'},
}


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The function with the SDK beside it."""
    folder = tmp_path / "function"
    folder.mkdir()
    shutil.copy(FUNCTIONS / "durable" / "app.py", folder)
    packages.add(folder, "durable")
    return folder


@contextmanager
def environment(code: Path, firehose: LocalFirehose) -> Iterator[Run]:
    """One environment of the function."""
    with deployed(code, firehose=firehose, copy_code=False) as run:
        yield run


def event(token: str, *operations: dict[str, Any]) -> dict[str, Any]:
    """What the service invokes a durable function with."""
    state = {"Operations": [EXECUTION, *operations], "NextMarker": ""}
    return {"DurableExecutionArn": ARN, "CheckpointToken": token, "InitialExecutionState": state}


def finished(tmp: Path) -> list[dict[str, Any]]:
    """What was checkpointed, as the state with which the service invokes next."""
    operations: dict[str, dict[str, Any]] = {}
    for text in (tmp / "updates.json").read_text().splitlines():
        update = json.loads(text)
        operation = operations.setdefault(
            update["Id"], {"Id": update["Id"], "Type": update["Type"], "Status": "SUCCEEDED"}
        )
        for name in ("Name", "SubType", "ParentId"):
            if name in update:
                operation[name] = update[name]
        if update["Type"] == "STEP":
            operation["StepDetails"] = {"Attempt": 1, "Result": update.get("Payload")}
    return list(operations.values())


def test_every_line_names_its_execution(code: Path) -> None:
    """Two invocations in two environments: one execution on every line, never its token."""
    with open_firehose() as firehose:
        with environment(code, firehose) as run:
            first = run.invoke(event("secret-token-1"))
            operations = finished(run.env.tmp)
            run.shutdown()
        with environment(code, firehose) as run:
            second = run.invoke(event("secret-token-3", *operations))
            run.shutdown()
        lines = lines_of(firehose)

    assert first.payload == {"Status": "PENDING"}
    assert second.payload["Status"] == "SUCCEEDED", second.payload
    assert json.loads(second.payload["Result"]) == {"price": 17, "order": 17}
    said = [
        line for line in lines if line["type"] == "function" and line["logger"] in ("shop", "root")
    ]
    assert {line["executionArn"] for line in said} == {ARN}
    assert [(line["requestId"], line["message"]) for line in said] == [
        (first.request_id, "from the top"),
        (first.request_id, "said once"),
        (first.request_id, "in the step"),
        (second.request_id, "from the top"),
        (second.request_id, "after the wait"),
    ]
    printed = [line for line in lines if line.get("message") == "printed in the step"]
    assert [line["executionArn"] for line in printed] == [ARN]
    # What the SDK adds is there too, and the ARN is there once.
    step = next(line for line in said if line["message"] == "in the step")
    assert step["operationName"] == "price"
    assert "secret-token" not in json.dumps(lines)


def test_an_attempt_and_a_trace_of_w3c_are_columns() -> None:
    """The runtime's invocation id; and ``context.w3c()`` where there is no X-Ray header."""
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    with deployed("scripted") as run:
        run.do(["log", "INFO", "plain"], trace_id="Sampled=0")
        w3c = {"w3c": {"traceparent": traceparent}}
        run.do(["log", "INFO", "traced"], trace_id="Sampled=0", client_context=w3c)
        run.shutdown()
        lines = [line for line in run.lines if line.get("message") in ("plain", "traced")]
    assert ["traceId" in line for line in lines] == [False, True]
    assert lines[1]["traceId"] == "a" * 32
    assert len({line["invocationId"] for line in lines}) == 2
    assert not {line["invocationId"] for line in lines} & {line["requestId"] for line in lines}
