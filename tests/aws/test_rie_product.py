"""Wrapper and layer as built, in AWS's emulator: ends of all kinds, and what the journal saves."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support.e2e_lambda import deployed_on_rie, lines_of
from support.e2e_lines import assert_same, assert_whole, said_by, said_in
from tools import rie
from tools.waiting import wait_until

CLASSIC = "RIE classic"
#: What the table of the Managed Instances says by itself.
ELSEWHERE = {"RIE Managed Instances": "there the table Managed Instances says it, by client"}

pytestmark = [
    pytest.mark.rie,
    pytest.mark.e2e,
    pytest.mark.skipif(not rie.BINARY.exists(), reason="no emulator: run `make rie`"),
    pytest.mark.conformance(
        table="The layer on AWS's emulator", columns=["platform"], absent=ELSEWHERE
    ),
    pytest.mark.parametrize("platform", [CLASSIC]),
]

LATER = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
LINES: list[Any] = [["logs", "INFO", 50], ["print", "printed"], ["stderr", "to stderr"]]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Lines are left for later; the environment has a /tmp of its own."""
    (tmp_path / "tmp").mkdir()
    return {**LATER, "TMPDIR": str(tmp_path / "tmp")}


def by_time(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines in the order in which they were said: what the journal saved may arrive later."""
    return sorted(lines, key=lambda line: line["timestamp"])


def test_lines_and_answers(platform: str, variables: dict[str, str], tmp_path: Path) -> None:
    """Each line arrives once with its own request id; answers are the function's."""
    variables["FIREHOSE_LOGGING_FLUSH"] = "end"
    with deployed_on_rie("scripted", tmp_path, variables) as (env, firehose):
        for number in range(3):
            assert env.invoke({"do": LINES, "answer": number}).body == number
            assert len(said_in(lines_of(firehose))) == 52 * (number + 1)
        assert env.stop() == 0
        lines = by_time(lines_of(firehose))

    assert_same([line for n in (1, 2, 3) for line in said_by(LINES, n)], said_in(lines))
    assert_whole(lines)


def test_sigterm(platform: str, variables: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM at the end of the environment delivers what was left for later."""
    with deployed_on_rie("scripted", tmp_path, variables) as (env, firehose):
        env.invoke({"do": LINES})
        assert not lines_of(firehose)
        assert env.stop() == 0
        lines = by_time(lines_of(firehose))
        assert "SIGKILL" not in env.output

    assert_same(said_by(LINES, 1), said_in(lines))
    assert_whole(lines)


@pytest.mark.parametrize("busy", [["spin"], ["sleep", 60], ["block"]], ids=lambda busy: busy[0])
def test_a_time_out(
    platform: str, busy: list[Any], variables: dict[str, str], tmp_path: Path
) -> None:
    """What was said before a time-out arrives, however the handler was busy; so does the rest."""
    variables["AWS_LAMBDA_FUNCTION_TIMEOUT"] = "1"
    with deployed_on_rie("scripted", tmp_path, variables) as (env, firehose):
        env.invoke({"do": []})
        assert "timed out after 1.00 seconds" in str(env.invoke({"do": [*LINES, busy]}).body)
        assert env.invoke({"do": [["log", "INFO", "after"]], "answer": "ok"}).body == "ok"
        env.stop()
        lines = by_time(lines_of(firehose))
    said = [*said_by(LINES, 1), *said_by([["log", "INFO", "after"]], 2)]

    assert_same(said, said_in(lines))
    assert_whole(lines)


@pytest.mark.parametrize("status", [0, 3])
def test_a_process_that_ends_itself(
    platform: str, status: int, variables: dict[str, str], tmp_path: Path
) -> None:
    """After os._exit nothing of ours runs; the next process delivers what the journal holds."""
    with deployed_on_rie("scripted", tmp_path, variables) as (env, firehose):
        answer = env.invoke({"do": [*LINES, ["os_exit", status]]}).body
        assert answer["errorType"] == "Runtime.ExitError"
        assert not lines_of(firehose)
        assert env.invoke({"do": [["log", "INFO", "after"]], "answer": "ok"}).body == "ok"
        env.stop()
        lines = by_time(lines_of(firehose))

    said = [*said_by(LINES, 1), *said_by([["log", "INFO", "after"]], 2)]
    assert_same(said, said_in(lines))
    assert_whole(lines)
    assert [line["recovered"] for line in lines if "recovered" in line]


def test_sigkill_between_invocations(
    platform: str, variables: dict[str, str], tmp_path: Path
) -> None:
    """A process that is killed while it waits: the journal's lines arrive, once, by the next."""
    with deployed_on_rie("scripted", tmp_path, variables) as (env, firehose):
        env.invoke({"do": LINES})
        (pid,) = env.processes()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in env.processes(), what="the end of the runtime")
        env.invoke({"do": []})  # the emulator notices with the next invocation, which fails
        env.invoke({"do": [["log", "INFO", "after"]]})
        env.stop()
        lines = by_time(lines_of(firehose))
    said = [*said_by(LINES, 1), *said_by([["log", "INFO", "after"]], 2)]

    assert_same(said, said_in(lines))
    assert_whole(lines)


def test_an_import_error(platform: str, variables: dict[str, str], tmp_path: Path) -> None:
    """A module that cannot be imported: the error arrives, with what was said before it."""
    with deployed_on_rie("init_error", tmp_path, variables) as (env, firehose):
        assert env.invoke({}).body["errorType"] == "ZeroDivisionError"
        env.stop()
        lines = by_time(lines_of(firehose))
    errors = [line for line in lines if line.get("errorType") == "ZeroDivisionError"]
    before = [line for line in lines if line.get("message") == "about to fail"]

    assert len(errors) == len(before) >= 1
    assert_whole(lines)
