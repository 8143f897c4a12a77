"""Managed Instances: several workers of one environment, judged by the real runtime client."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_lambda import Function, LocalLambda
from support.local_lambda_fixtures import Listener, held_init, records, write_function
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

WORKERS = 4
HANDLER = """
import os
import time


def handler(event, context):
    meet = event.get("meet")
    if meet:
        open(f"{os.environ['TMPDIR']}/{meet}-{event['n']}", "w").close()
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up and sum(
            name.startswith(meet) for name in os.listdir(os.environ["TMPDIR"])
        ) < event["count"]:
            time.sleep(0.01)
    if "raise" in event:
        raise ValueError(event["raise"])
    time.sleep(event.get("sleep", 0))
    if "exit" in event:
        os.kill(os.getppid(), 9)
        time.sleep(20)
    return {"n": event.get("n"), "pid": os.getpid(), "id": context.aws_request_id}
"""


@pytest.fixture
def function(tmp_path):
    """A function with four workers."""
    code = write_function(tmp_path / "function", HANDLER)
    return Function(code, "app.handler", timeout=20, memory_mb=2048, max_concurrency=WORKERS)


def test_as_many_as_there_are_workers_run_at_a_time(function):
    """Each invocation has a worker of its own; its answer and id are its own too."""
    with LocalLambda(function) as env, ThreadPoolExecutor(WORKERS) as pool:
        calls = [
            pool.submit(env.invoke, {"n": n, "meet": "first", "count": WORKERS})
            for n in range(WORKERS)
        ]
        answers = [call.result() for call in calls]
        assert not env.frozen

    assert [answer.payload["n"] for answer in answers] == list(range(WORKERS))
    assert len({answer.payload["pid"] for answer in answers}) == WORKERS
    assert [answer.payload["id"] for answer in answers] == [a.request_id for a in answers]


def test_reports_are_those_of_managed_instances(function):
    """No runtimeDone, no memory, nothing billed; latency and duration as spans."""
    with LocalLambda(function) as env:
        good = env.invoke({})
        failed = env.invoke({"raise": "as told"})

    kinds = {event.type for event in env.telemetry}
    first, second = records(env, "platform.report")
    assert "platform.runtimeDone" not in kinds
    assert "platform.end" not in kinds
    assert set(first["metrics"]) == {"durationMs"}
    assert [span["name"] for span in first["spans"]] == ["responseLatency", "responseDuration"]
    assert (good.function_error, first["status"]) == (None, "success")
    assert (failed.error_message, second["status"]) == ("as told", "error")
    assert records(env, "platform.initStart")[0]["initializationType"] == "lambda-managed-instances"


def test_code_that_timed_out_goes_on(function):
    """The caller is told; nothing is reset, and its worker is free again when the code ends."""
    with LocalLambda(function) as env:
        pid = env.invoke({}).payload["pid"]
        late = env.invoke({"sleep": 1}, timeout=0.3)
        wait_until(lambda: env.invoke({}).payload["pid"] == pid, what="that worker's next answer")

    assert late.error_type == "Sandbox.Timedout"
    assert len(records(env, "platform.initStart")) == 1


def test_a_dead_runtime_is_replaced(function):
    """When the runtime dies its invocations fail, and the next one finds a new environment."""
    with LocalLambda(function) as env:
        failed = env.invoke({"exit": 1})
        wait_until(lambda: env.phase == "broken", what="the end of the environment")
        again = env.invoke({"n": 2})

    assert failed.error_type == "Runtime.ExitError"
    assert again.payload["n"] == 2


def test_what_extensions_may_not_do_there(tmp_path):
    """Internal ones register for no event, and telemetry has one schema only."""
    with held_init(tmp_path, max_concurrency=1) as held, Listener() as listener:
        refused = held.api.register("one", {"events": ["INVOKE"]})
        identifier = held.api.identifier("one")
        old = held.api.subscribe(identifier, listener.port)
        new = held.api.subscribe(identifier, listener.port, schemaVersion="2025-01-29")

    assert refused.status == 403
    assert b"No events allowed for internal extensions" in refused.raw
    assert (old.status, new.status) == (400, 200)


def test_settings_of_the_function(tmp_path):
    """Log format and start are what they are there; a number of workers has bounds."""
    code = write_function(tmp_path / "function", HANDLER)
    managed = Function(code, "app.handler", max_concurrency=2, python=sys.executable)

    assert managed.log_format == "JSON"
    assert managed.initialization_type == "lambda-managed-instances"
    with pytest.raises(ValueError, match="max_concurrency=0"):
        Function(code, "app.handler", max_concurrency=0)
