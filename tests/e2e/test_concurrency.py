"""Threads, tasks and processes of the function: every line of each, once."""

from __future__ import annotations

import pytest

from support.e2e_lambda import deployed
from support.e2e_lines import Said, assert_whole

pytestmark = pytest.mark.e2e


def user(during: int, *messages: str) -> list[Said]:
    """Lines that the function logs."""
    return [Said(during, "INFO", "user", message) for message in messages]


@pytest.mark.parametrize("execution_env", ["AWS_Lambda_python3.11", "AWS_Lambda_python3.12"])
def test_asyncio(execution_env: str) -> None:
    """asyncio.run takes the signal descriptor for itself and gives it back: SIGTERM delivers."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deployed("parallel", variables, execution_env=execution_env) as run:
        for _ in range(2):
            run.invoke({"how": "with_asyncio"})
        end = run.shutdown()

        assert end.runtime is not None
        assert end.runtime.by_itself
        expected = []
        for during in (1, 2):
            expected += user(during, *(f"task {n}" for n in range(10)))
            expected += [Said(during, "INFO", "stdout", f"task {n} prints") for n in range(10)]
        run.expect(*expected)


@pytest.mark.parametrize("execution_env", ["AWS_Lambda_python3.11", "AWS_Lambda_python3.12"])
def test_asyncio_with_signal_handlers(execution_env: str) -> None:
    """A loop that handled signals leaves no wake-up descriptor behind; SIGTERM still delivers."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deployed("parallel", variables, execution_env=execution_env) as run:
        run.invoke({"how": "with_signal_handlers"})
        end = run.shutdown()

        assert end.runtime is not None
        assert end.runtime.by_itself
        run.expect(*user(1, "in the loop", "after the loop"))


def test_threads() -> None:
    """Lines of many threads at once, and the error that ended a thread."""
    with deployed("parallel") as run:
        run.invoke({"how": "with_threads"})
        run.shutdown()
        run.expect(
            *user(1, *(f"thread {n}" for n in range(400))),
            Said(1, "ERROR", "threading.excepthook", "ValueError: in a thread"),
        )


def test_subprocess() -> None:
    """Programs run as without us: what they write to our descriptors goes to CloudWatch alone."""
    with deployed("parallel") as run:
        assert run.invoke({"how": "with_subprocess"}).payload == "read by us\n"
        run.shutdown()

        run.expect()
        assert [event.text for event in run.env.output] == ["from a child"]


def test_spawned_workers() -> None:
    """Multiprocessing's fresh interpreters start, work and end; their parent's lines arrive."""
    with deployed("parallel") as run:
        assert run.invoke({"how": "with_spawn_context"}).payload == [0, 0, 0]
        run.shutdown()
        run.expect(*user(1, "before spawn", "after spawn"))


def test_records_of_workers_that_the_parent_prints() -> None:
    """A record of another process, which we have not seen logged, is no echo and arrives."""
    with deployed("parallel") as run:
        run.invoke({"how": "with_log_queue"})
        run.shutdown()
        run.expect(Said(1, "INFO", "stdout", "from a worker, by queue"))


@pytest.mark.parametrize("how", ["with_fork_context", "with_fork", "with_fork_and_sys_exit"])
def test_forked_children(how: str) -> None:
    """Lines of a child forked in an invocation are of that invocation, and arrive once."""
    said = {
        "with_fork_context": ["before fork", "worker 0", "worker 1", "worker 2", "after fork"],
        "with_fork": ["parent before", "child", "parent after"],
        "with_fork_and_sys_exit": ["child that exits"],
    }
    with deployed("parallel", {"FIREHOSE_LOGGING_FLUSH": "end"}) as run:
        for _ in range(2):
            answer = run.invoke({"how": how})
            assert answer.payload in (0, [0, 0, 0]), answer
        run.shutdown()

        run.expect(*user(1, *said[how]), *user(2, *said[how]))
        # Workers leave their lines to the parent, so that joining them never waits for Firehose;
        # it says how many it took. The other children have flushed when they end.
        own = [line for line in run.lines if line["type"] == "extension"]
        assert {line["code"] for line in own} <= {"lines_recovered"}
        left = 2 * 3 if how == "with_fork_context" else 0
        assert sum(line["recovered"] for line in own) == left


def test_the_environment_lives_on_after_children() -> None:
    """Children leave extension, telemetry and SIGTERM of their parent alone."""
    ways = ["with_fork", "with_fork_context", "with_asyncio", "with_threads", "with_spawn_context"]
    with deployed("parallel", {"FIREHOSE_LOGGING_FLUSH": "end"}) as run:
        for how in ways:
            run.invoke({"how": how})
        end = run.shutdown()

        assert end.runtime is not None
        assert end.runtime.by_itself
        assert_whole(run.lines)
        reports = [line for line in run.lines if line["type"] == "platform.report"]
        assert [line["requestId"] for line in reports] == [a.request_id for a in run.answers]
        assert {line["record"]["status"] for line in reports} == {"success"}
        assert not run.told
