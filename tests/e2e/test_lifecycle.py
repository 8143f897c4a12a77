"""From Init to SIGKILL: what the caller waits for, and that every line gets out."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local_firehose import Fault
from support.e2e_lambda import REST, Run, deployed
from support.e2e_lines import Said, assert_same, assert_whole, platform, said_by
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

#: AWS_EXECUTION_ENV of the managed runtimes, and None for an image of one's own.
ENVIRONMENTS = [*(f"AWS_Lambda_python3.{minor}" for minor in (10, 11, 12, 13)), None]
LINES: list[Any] = [["logs", "INFO", 5], ["print", "printed"]]


def startup(execution_env: str | None) -> dict[str, Any]:
    """Options of a function that runs as a managed runtime does, or as an image."""
    if execution_env is not None:
        return {"execution_env": execution_env}
    return {
        "start_up": ["/opt/firehose_wrapper", sys.executable, "-m", "awslambdaric", "app.handler"],
        "framed_log_fd": False,
    }


@contextmanager
def gate(run: Run) -> Iterator[threading.Event]:
    """Keep Firehose's answers back until the event is set, or the block is left."""
    opened = threading.Event()

    def wait(call: object) -> bool:
        opened.wait(REST)
        return True

    run.firehose.faults.set(Fault.latency(0).when(predicate=wait))
    try:
        yield opened
    finally:
        opened.set()
        run.firehose.faults.clear()


# -- after the response ------------------------------------------------------------------------


def test_the_caller_never_waits_for_the_flush() -> None:
    """The answer is there while Firehose has not answered; the environment is held for it."""
    with deployed(environment={"FIREHOSE_LOGGING_FLUSH": "end"}) as run:
        with gate(run) as opened:
            for _ in range(2):
                opened.clear()
                assert run.do(*LINES, answer="quick", rest=False).payload == "quick"
                assert run.env.phase == "invoke"
                opened.set()
                assert run.env.wait_idle(REST)
                assert len(run.said) == 6 * len(run.answers)
        run.shutdown()
        run.expect(*said_by(LINES, 1), *said_by(LINES, 2))


def test_the_hold_is_bounded() -> None:
    """A Firehose that never answers cannot make an invocation time out; nothing is lost."""
    with deployed(environment={"FIREHOSE_LOGGING_FLUSH": "end"}, timeout=1.0) as run:
        with gate(run):
            run.do(*LINES, answer="quick")
            run.do(*LINES, answer="quick")
        run.do(*LINES)
        # A call that still hangs at SIGTERM is made again, which may store it twice.
        wait_until(lambda: len(run.said) >= 3 * len(LINES), what="every line")
        run.shutdown()

        assert {line["record"]["status"] for line in platform(run.lines, "report")} == {"success"}
        run.expect(*(line for n in (1, 2, 3) for line in said_by(LINES, n)))


@pytest.mark.parametrize(
    "variables",
    [
        {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"},
        {"FIREHOSE_LOGGING_FLUSH": "adaptive", "FIREHOSE_LOGGING_INTERVAL": "900"},
        {"FIREHOSE_LOGGING_FLUSH": "end"},
    ],
    ids=["periodic", "adaptive", "end"],
)
def test_what_is_left_for_later_arrives(variables: dict[str, str]) -> None:
    """However few the calls, at the shutdown everything has been delivered."""
    with deployed(environment=variables) as run:
        for _ in range(20):
            run.do(*LINES)
        calls, delivered = len(run.firehose.ledger.calls), len(run.said)
        run.shutdown()

        run.expect(*(line for n in range(1, 21) for line in said_by(LINES, n)))
        assert len(platform(run.lines, "report")) == 20
        if variables["FIREHOSE_LOGGING_FLUSH"] == "periodic":
            assert calls == 0
        elif variables["FIREHOSE_LOGGING_FLUSH"] == "adaptive":
            # Ten are flushed, from then on each is left to the next one.
            assert 10 <= calls < 20
        else:
            assert calls >= 20
            assert delivered == 120


def test_an_old_line_goes_during_an_invocation() -> None:
    """Under periodic, a line older than the interval is delivered while the handler runs."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "0.1"}
    with deployed(environment=variables) as run:
        run.do(["log", "INFO", "early"], ["until_left", 9_000])
        assert said_by([["log", "INFO", "early"]], 1)[0] in run.said
        run.shutdown()
        run.expect(*said_by([["log", "INFO", "early"]], 1))


@pytest.mark.parametrize("transport", ["direct", "boto3"])
def test_connections_that_died_while_frozen(transport: str) -> None:
    """A server that closes the idle connection of a frozen environment costs nothing."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "end", "FIREHOSE_LOGGING_TRANSPORT": transport}
    with deployed(environment=variables) as run:
        for number in range(1, 4):
            run.do(*LINES)
            assert len(run.said) == 6 * number
            assert run.env.wait_frozen(REST)
            run.firehose.faults.set(Fault.refuse())
            run.firehose.faults.clear()
        run.shutdown()

        run.expect(*(line for n in (1, 2, 3) for line in said_by(LINES, n)))
        assert not run.told


# -- time-outs and SIGTERM ---------------------------------------------------------------------

#: How a handler can be busy when its time is over.
BUSY = {"python": ["spin"], "sleep": ["sleep", 60], "native": ["block"]}


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.parametrize("execution_env", ENVIRONMENTS)
def test_a_time_out_loses_nothing(busy: str, execution_env: str | None) -> None:
    """What was logged before the time-out arrives, late lines too, and the platform's verdict."""
    steps = [*LINES, ["until_left", 120], ["log", "INFO", "late"], BUSY[busy]]
    with deployed(timeout=0.6, **startup(execution_env)) as run:
        assert run.env.init().status == "success"
        answer = run.do(*steps)
        assert answer.error_type == "Sandbox.Timedout"
        run.do(["log", "INFO", "the next one"], timeout=10.0)  # an Init is in it
        run.shutdown()

        expected = [*said_by(steps, 1), Said(2, "INFO", "user", "the next one")]
        if not any("late" in event.text for event in run.env.output):
            expected.remove(Said(1, "INFO", "user", "late"))  # SIGTERM was faster than the log call
        run.expect(*expected)
        (done, _) = platform(run.lines, "runtimeDone")
        assert done["record"]["status"] == "timeout"
        assert done["requestId"] == answer.request_id


@pytest.mark.parametrize("execution_env", ENVIRONMENTS)
def test_sigterm_while_idle(execution_env: str | None) -> None:
    """The runtime waits in native code or not: SIGTERM delivers what is left, and ends us."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deployed(environment=variables, **startup(execution_env)) as run:
        run.do(["logs", "INFO", 500], ["write", "no line end"])
        assert not run.lines
        end = run.shutdown()

        assert end.runtime is not None
        assert end.runtime.by_itself
        run.expect(*said_by([["logs", "INFO", 500], ["write", "no line end"]], 1))
        assert len(platform(run.lines, "report")) == 1


def test_shutdown_without_an_invocation() -> None:
    """An environment that was made ahead and never used delivers its Init."""
    with deployed("own_logging", {"SETUP": "basic_config"}) as run:
        assert run.env.init().status == "success"
        run.shutdown()

        run.expect(Said(0, "INFO", "user", "after basicConfig"))
        for kind in ("initStart", "initRuntimeDone", "initReport"):
            assert len(platform(run.lines, kind)) == 1


@pytest.mark.parametrize("ends", ["1", ""])
@pytest.mark.parametrize("setup", ["before us", "after us"])
@pytest.mark.parametrize("spin", [False, True])
def test_the_functions_own_sigterm_handler(setup: str, ends: str, spin: bool) -> None:
    """It runs, whoever was first, and what it says is delivered; it may end the process or not."""
    variables = {"SETUP": setup, "ENDS": ends, "FIREHOSE_LOGGING_FLUSH": "periodic"}
    if setup == "before us":
        variables["AWS_LAMBDA_EXEC_WRAPPER"] = ""
    # The polling thread of 3.12 and later lets Python code run while the runtime waits.
    options = {"execution_env": "AWS_Lambda_python3.12", "timeout": 0.6 if spin else 10.0}
    with deployed("sigterm", {k: v or None for k, v in variables.items()}, **options) as run:
        assert run.env.init().status == "success"
        run.invoke({"spin": spin})
        run.shutdown()
        end_of_the_function = [
            Said(1, "WARNING", "user", "the function's own handler"),
            Said(1, "INFO", "stdout", "cleaning up"),
        ]
        expected = [
            Said(0, "INFO", "user", "imported"),
            Said(1, "INFO", "user", "handled"),
            *end_of_the_function,
        ]
        assert_same(expected, run.said)
        assert_whole(run.lines)


def test_killed_between_invocations() -> None:
    """After SIGKILL the next process of the environment delivers what was left."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deployed(environment=variables, lambda_options={"freeze": False}) as run:
        run.do(["logs", "INFO", 50])
        assert not run.lines
        run.env.kill(9)
        wait_until(lambda: run.env.pid is None, what="the end of the runtime")
        run.do(["log", "INFO", "a new process"])
        run.shutdown()

        run.expect(*said_by([["logs", "INFO", 50]], 1), Said(2, "INFO", "user", "a new process"))


def test_a_deadline_beyond_a_quarter_of_an_hour() -> None:
    """Lambda takes 1,800 s now: nothing of ours caps, overflows or waits for the deadline."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "end"}
    with deployed(environment=variables, timeout=1_800.0) as run:
        for _ in range(2):
            run.do(["log", "INFO", "far from the end"])
        assert len(run.lines) >= 2  # delivered after each, not at the deadline
        run.shutdown()

        run.expect(*(Said(n, "INFO", "user", "far from the end") for n in (1, 2)))
