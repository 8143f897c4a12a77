"""Who else swaps the function's handler: OpenTelemetry and Datadog, before and after us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.e2e_lambda import Run, layer
from support.e2e_lines import assert_whole
from support.neighbours import beside, expected, outcome, talk, words

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),  # a first installation
    pytest.mark.conformance(table="Handler wrappers", columns=["order"], rows=["name"]),
]


class Swap(NamedTuple):
    """How a library gets in front of the handler."""

    handler: str
    original: str
    environment: dict[str, str]
    #: What it prints of itself when it is at work.
    sign: str


SWAPS = {
    "opentelemetry": Swap("otel_wrapper.lambda_handler", "ORIG_HANDLER", {}, "SpanKind.SERVER"),
    "datadog": Swap(
        "datadog_lambda.handler.handler",
        "DD_LAMBDA_HANDLER",
        {"DD_API_KEY": "none", "DD_FLUSH_TO_LOG": "true", "DD_LOCAL_TEST": "true"},
        "aws.lambda",
    ),
}
#: Their wrapper script, which then starts ours; or ours, with their handler in the configuration.
ORDERS = ["their script, then ours", "ours, with their handler"]

_SCRIPT = """#!/bin/sh
export {original}="$_HANDLER" _HANDLER={handler}
{next} "$@"
"""


def script(folder: Path, swap: Swap, following: str) -> Path:
    """A layer with a wrapper script that swaps the handler, then starts the ``following``."""
    folder.mkdir()
    path = folder / "their_wrapper"
    path.write_text(
        _SCRIPT.format(original=swap.original, handler=swap.handler, next=f"exec {following}")
    )
    path.chmod(0o755)
    return folder


@contextmanager
def wrapped(
    name: str, order: str | None, scratch: Path, transport: str = "direct"
) -> Iterator[Run]:
    """The function with that library in front of it; ``order`` None is the library without us."""
    swap = SWAPS[name]
    environment: dict[str, str | None] = {"NEIGHBOUR": "plain", "ORDER": "wrapper"}
    environment |= {**swap.environment, "FIREHOSE_LOGGING_TRANSPORT": transport}
    options: dict[str, Any] = {}
    scratch.mkdir(exist_ok=True)
    if order == ORDERS[1]:
        environment[swap.original] = "app.handler"
        options["handler"] = swap.handler
    else:
        following = '"${0%/*}/firehose_wrapper"' if order else ""
        theirs = script(scratch / "layer", swap, following)
        options["layers"] = (layer(), theirs) if order else (theirs,)
        environment["AWS_LAMBDA_EXEC_WRAPPER"] = "/opt/their_wrapper"
    with beside(name, scratch, environment, **options) as run:
        yield run


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("transport", ["boto3", "direct"])
@pytest.mark.parametrize("name", SWAPS)
def test_each_line_arrives_once(name: str, order: str, transport: str, tmp_path: Path) -> None:
    """Lines, prints and the error arrive once, in their invocation; nothing feeds back."""
    with wrapped(name, order, tmp_path, transport) as run:
        answers = talk(run)
        lines = run.lines
        assert SWAPS[name].sign in str(run.env.output)
        assert not run.told

    assert expected(answers) == words(lines)
    assert_whole(lines)
    assert "PutRecordBatch" not in str([line["message"] for line in lines if "message" in line])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", SWAPS)
def test_the_same_answers(name: str, order: str, tmp_path: Path) -> None:
    """Answers and errors, stack traces included, are those of the library without us."""
    answers = []
    for number, how in enumerate((order, None)):
        scratch = tmp_path / str(number)
        with wrapped(name, how, scratch) as run:
            text = [str(answer).replace(str(scratch), "") for answer in outcome(talk(run))]
            answers.append(text)

    assert answers[0] == answers[1]
    assert "wrong" in answers[0][-1]
