from __future__ import annotations

import json

import pytest

from firehose_logging._capture.durable import arn_of, execution_arn

ARN = "arn:aws:lambda:eu-west-1:012345678912:function:f:1/durable-execution/n/u"
EVENT = {"DurableExecutionArn": ARN, "CheckpointToken": "t", "InitialExecutionState": {}}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(EVENT),
        json.dumps(EVENT, separators=(",", ":")),
        json.dumps(EVENT, indent=2),
        json.dumps(dict(reversed(EVENT.items()))),
        json.dumps({**EVENT, "InitialExecutionState": "x" * 100_000}),
        json.dumps({"CheckpointToken": "t" * 20_000, "DurableExecutionArn": ARN}),
    ],
)
def test_the_arn_of_an_event_is_found(body: str) -> None:
    """However the event is written, and however long it is."""
    assert execution_arn(body) == ARN
    assert execution_arn(body.encode()) == ARN
    assert arn_of(json.loads(body)) == ARN


@pytest.mark.parametrize(
    "event",
    [
        {"DurableExecutionArn": ARN},
        {"detail": EVENT},
        [EVENT],
        {"DurableExecutionArn": 7, "CheckpointToken": "t"},
        {"CheckpointToken": "t"},
        "text",
        None,
    ],
)
def test_other_events_have_none(event: object) -> None:
    """An ordinary function's event may hold such names somewhere."""
    assert execution_arn(json.dumps(event)) is None
    assert arn_of(event) is None


@pytest.mark.parametrize(
    "body", [b"", b"\xff{", '{"DurableExecutionArn":nothing,"CheckpointToken"']
)
def test_what_is_no_json_has_none(body: bytes | str) -> None:
    """The runtime client will say what is wrong with it."""
    assert execution_arn(body) is None
