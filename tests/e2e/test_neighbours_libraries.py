"""Other people's logging libraries beside us: nothing lost, nothing twice, nothing fed back."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.e2e_lines import assert_whole
from support.neighbours import beside, expected, outcome, talk, words

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),  # a first installation
    pytest.mark.conformance(table="Logging libraries", columns=["order"], rows=["neighbour"]),
]

NEIGHBOURS = [
    "powertools", "powertools-child", "structlog-print", "structlog-stdlib", "loguru",
    "loguru-serialized", "loguru-handler",
]  # fmt: skip
#: Who is set up first: the wrapper before everything, or ``install()`` before or after them.
ORDERS = ["wrapper", "install() before", "install() after"]
TRACERS = ["xray", "xray-stream"]


def variables(neighbour: str, order: str) -> dict[str, str | None]:
    """What tells the function whom to set up, and when."""
    values: dict[str, str | None] = {"NEIGHBOUR": neighbour, "ORDER": order.rpartition(" ")[2]}
    if order != "wrapper":
        values["AWS_LAMBDA_EXEC_WRAPPER"] = None
    return values


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_each_line_arrives_once(neighbour: str, order: str, tmp_path: Path) -> None:
    """What is said through the library arrives once, in its invocation, whoever came first."""
    with beside(neighbour, tmp_path, variables(neighbour, order)) as run:
        answers = talk(run)
        lines = run.lines
        assert not run.told

    assert expected(answers) == words(lines)
    assert outcome(answers)[:-1] == ["done", "done"]
    assert outcome(answers)[-1]["errorMessage"] == "wrong"
    assert_whole(lines)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("transport", ["boto3", "direct"])
@pytest.mark.parametrize("neighbour", TRACERS)
def test_tracing_of_our_own_calls_never_feeds_back(
    neighbour: str, order: str, transport: str, tmp_path: Path
) -> None:
    """A tracer that logs about each call of the SDK says nothing about ours."""
    how = {"FIREHOSE_LOGGING_TRANSPORT": transport, **variables(neighbour, order)}
    with beside(neighbour, tmp_path, how) as run:
        answers = talk(run, trace_id="")  # without one the tracer says what it discards
        lines = run.lines
        printed = str(run.env.output)
        assert not run.told
    # In Init the tracer tells what it patches; the function itself makes no call.
    own_loggers = {"user", "stdout", "awslambdaric"}
    others = {
        line["message"]
        for line in lines
        if line["type"] == "function" and "requestId" in line and line["logger"] not in own_loggers
    }

    assert expected(answers) == words(lines)
    assert not others
    if transport == "boto3":
        assert "Subsegment firehose" in printed  # it did see our calls
    assert_whole(lines)
