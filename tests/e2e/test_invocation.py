"""One invocation: every line once, and the function exactly as without the layer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.e2e_lambda import Run, deployed
from support.e2e_lines import Said, assert_same, assert_whole, platform, said_by, said_in

pytestmark = pytest.mark.e2e

TEN = [["log", "INFO", f"record {number}"] for number in range(8)]


def all_ways(warning: str) -> list[Any]:
    """Ten records, two prints, stderr and a warning; Python shows a warning's text only once."""
    return [
        *TEN,
        ["log", "WARNING", "with extra", {"customer": "c-42"}],
        ["caught", "an error that was caught"],
        ["print", "printed once"],
        ["print", "printed twice"],
        ["stderr", "to stderr"],
        ["warn", warning],
    ]


def masked_ids(raw: bytes) -> bytes:
    """An answer without request ids and the folder that the function ran in."""
    return re.sub(rb"/[^\"\s]*/local-lambda-[^/]+/", b"/", re.sub(rb"[0-9a-f-]{36}", b"ID", raw))


@pytest.fixture(
    scope="module",
    params=[("Text", "direct"), ("JSON", "boto3")],
    ids="-".join,
)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Run, Run]]:
    """The same invocations with the layer and without it."""
    log_format, transport = request.param
    variables = {"FIREHOSE_LOGGING_TRANSPORT": transport}
    with (
        deployed(environment=variables, log_format=log_format) as ours,
        deployed(log_format=log_format, with_layer=False) as bare,
    ):
        for run in (ours, bare):
            run.do(*all_ways("one"), ["raise", "RuntimeError", "boom"])
            run.do(*all_ways("two"), answer={"text": "grüße", "list": [1, 2.5, None]})
            run.do(["log", "INFO", {"a": "dict"}], answer="x" * 100_000)
            run.do(["write", "no line end"], ["raise", "KeyError", "k"])
            run.invoke(b"not json")
            run.do(answer=None)
            run.shutdown()
        yield ours, bare


def test_each_line_arrives_once(pair: tuple[Run, Run]) -> None:
    """Ten records, two prints, stderr, a warning and an error: each once, of its invocation."""
    ours, _ = pair
    first = [line for line in ours.said if line.during == 1]

    assert_same(said_by([*all_ways("one"), ["raise", "RuntimeError", "boom"]], 1), first)
    assert len(first) == 15
    assert_same(said_by(all_ways("two"), 2), [line for line in ours.said if line.during == 2])
    assert_same(
        [
            Said(3, "INFO", "user", json.dumps({"a": "dict"})),
            Said(4, "INFO", "stdout", "no line end"),
            Said(4, "ERROR", "awslambdaric", "KeyError: 'k'"),
        ],
        [line for line in ours.said if line.during in (3, 4)],
    )
    assert_whole(ours.lines)


def test_an_unreadable_event_is_a_line(pair: tuple[Run, Run]) -> None:
    """What the runtime client itself refuses is an error line of that invocation."""
    ours, _ = pair
    (line,) = [line for line in ours.said if line.during == 5]

    assert line.level == "ERROR"
    assert line.message.startswith("Runtime.UnmarshalError: Unable to unmarshal input")


def test_errors_keep_their_parts(pair: tuple[Run, Run]) -> None:
    """Type, message and stack trace of an error are columns; so are the user's extras."""
    ours, _ = pair
    by_message = {str(line.get("message")): line for line in ours.lines}
    raised = by_message["RuntimeError: boom"]
    caught = by_message["an error that was caught"]

    assert raised["errorType"] == "RuntimeError"
    assert raised["errorMessage"] == "boom"
    assert "in handler" in raised["stackTrace"][0]
    assert re.search(r"app\.py:_raise:\d+$", raised["location"])
    assert caught["errorType"] == "KeyError"
    assert caught["location"].rpartition(":")[0].endswith("app.py:_caught")
    assert by_message["with extra"]["customer"] == "c-42"


def test_cold_start_is_marked(pair: tuple[Run, Run]) -> None:
    """The lines of the first invocation, and no others, say so."""
    ours, _ = pair
    first = ours.answers[0].request_id

    assert {line["requestId"] for line in ours.lines if line.get("coldStart")} == {first}
    assert all(
        line.get("coldStart")
        for line in ours.lines
        if line.get("requestId") == first and line["type"] == "function"
    )


def test_answers_and_errors_are_unchanged(pair: tuple[Run, Run]) -> None:
    """The caller gets the same bytes as without the layer, but for request id and folder."""
    ours, bare = pair

    for with_us, without in zip(ours.answers, bare.answers, strict=True):
        assert masked_ids(with_us.raw) == masked_ids(without.raw)
        assert with_us.function_error == without.function_error
    assert ours.answers[0].error_message == "boom"


def test_cloudwatch_is_unchanged(pair: tuple[Run, Run]) -> None:
    """The runtime's own output is the same as without the layer, line for line, per stream."""
    ours, bare = pair

    assert ours.output == bare.output
    assert all(ours.output.values())


def test_the_platform_tells_every_invocation(pair: tuple[Run, Run]) -> None:
    """Start, runtimeDone and report of every invocation are lines, the last report too."""
    ours, _ = pair
    ids = [answer.request_id for answer in ours.answers]

    for kind in ("start", "runtimeDone", "report"):
        assert [line["requestId"] for line in platform(ours.lines, kind)] == ids
    done = [line["record"]["status"] for line in platform(ours.lines, "runtimeDone")]
    assert done == ["error", "success", "success", "error", "error", "success"]


def test_columns_of_every_line(pair: tuple[Run, Run]) -> None:
    """Every line has the schema's columns, one instance, and a time in UTC to the microsecond."""
    ours, _ = pair
    lines = ours.lines

    assert len({line["instanceId"] for line in lines}) == 1
    for line in lines:
        assert {"timestamp", "type", "level", "logger", "functionName", "functionVersion"} <= {
            *line
        }
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
        assert line["functionName"] == "local-function"


def test_exit_in_the_handler() -> None:
    """sys.exit ends the environment as it would without us; all before it arrives, none twice."""
    steps = [["log", "INFO", "last words"], ["print", "printed"], ["exit", 3]]
    results = []
    for with_layer in (True, False):
        with deployed(with_layer=with_layer) as run:
            results.append(run.do(*steps))
            run.do(["log", "INFO", "a new environment"])
            run.shutdown()
            if with_layer:
                run.expect(*said_by(steps, 1), Said(2, "INFO", "user", "a new environment"))
                assert len({line["instanceId"] for line in run.lines}) == 2
    with_us, without = results

    assert masked_ids(with_us.raw) == masked_ids(without.raw)
    assert "exit status 3" in str(with_us.error_message)


def test_an_init_error_arrives_with_what_led_to_it() -> None:
    """The module's import fails: each attempt delivers its lines and the error, once."""
    runs = []
    for with_layer in (True, False):
        with deployed("init_error", with_layer=with_layer) as run:
            run.invoke()
            run.shutdown()
            runs.append((run.answers[0], run.output, run.lines))
    (answer, output, lines), (bare_answer, bare_output, _) = runs
    attempts: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        attempts.setdefault(line["instanceId"], []).append(line)

    assert masked_ids(answer.raw) == masked_ids(bare_answer.raw)
    assert output == bare_output
    assert len(attempts) == 2  # the platform tries once more in the invocation
    for of_one in attempts.values():
        said = [(line.level, line.logger, line.message) for line in said_in(of_one)]
        assert sorted(said) == sorted(
            [
                ("WARNING", "user", "about to fail"),
                ("INFO", "stdout", "printed in init"),
                ("WARNING", "root", said[2][2]),  # the runtime client's own warning
                ("ERROR", "awslambdaric", "ZeroDivisionError: division by zero"),
            ]
        )
        assert_whole(of_one)


@pytest.mark.parametrize(
    "transport",
    ["auto", "boto3"],
)
def test_a_warning_is_shown_once_as_without_us(transport: str) -> None:
    """A warning that Python has shown is not shown again in a later invocation."""
    with deployed(environment={"FIREHOSE_LOGGING_TRANSPORT": transport}) as run:
        run.do(["warn", "the same"])
        run.do(["warn", "the same"])
        run.shutdown()
        run.expect(*said_by([["warn", "the same"]], 1))
