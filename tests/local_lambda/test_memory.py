"""Memory: what the report tells of all processes, and the end of who holds too much."""

from __future__ import annotations

import sys

import pytest

from local_lambda import Function, LocalLambda
from support.local_lambda_fixtures import records, write_function

pytestmark = pytest.mark.e2e

HANDLER = f"""
import subprocess
import time

CHILD = (
    "import sys, time; held = bytearray(int(sys.argv[1]) << 20); print(1, flush=True);"
    "held[::4096] = b'x' * len(held[::4096]); time.sleep(60)"
)


def handler(event, context):
    held = bytearray(event.get("here", 0) << 20)
    held[::4096] = b"x" * len(held[::4096])
    if "child" in event:
        child = subprocess.Popen(
            [{sys.executable!r}, "-SE", "-c", CHILD, str(event["child"])], stdout=subprocess.PIPE
        )
        child.stdout.readline()
    time.sleep(event.get("sleep", 0))
    return len(held)
"""


@pytest.fixture
def code(tmp_path):
    """A function that holds as much as the event says, itself or in a child."""
    return write_function(tmp_path / "function", HANDLER)


def test_over_the_limit_is_killed_and_told(code):
    """The caller, the report and its memory are those of the service; the next one starts anew."""
    with LocalLambda(Function(code, "app.handler", timeout=30)) as env:
        answer = env.invoke({"here": 300, "sleep": 20})
        again = env.invoke({"here": 1})

    assert answer.error_type == "Runtime.OutOfMemory"
    assert "signal: killed" in answer.error_message
    report = records(env, "platform.report")[0]
    assert (report["status"], report["errorType"]) == ("error", "Runtime.OutOfMemory")
    assert report["metrics"]["maxMemoryUsedMB"] == report["metrics"]["memorySizeMB"] == 128
    assert again.payload == 1 << 20


@pytest.mark.parametrize("enforced", [True, False])
def test_the_memory_of_children_counts(code, enforced):
    """What a child holds is the function's too, and is killed for where the limit is kept."""
    function = Function(code, "app.handler", timeout=30, memory_mb=256)
    with LocalLambda(function, enforce_memory=enforced) as env:
        small = env.invoke({"child": 50, "sleep": 0.5})
        large = env.invoke({"child": 200, "sleep": 1 if not enforced else 20})
        env.wait_idle()

    first, second = [record["metrics"]["maxMemoryUsedMB"] for record in env.reports]
    assert small.function_error is None
    assert first > 50
    assert (large.error_type == "Runtime.OutOfMemory") == enforced
    assert second == 256 if enforced else second > 256


def test_an_isolated_environment_counts_them_all(code):
    """In namespaces too, where processes have other ids inside."""
    function = Function(code, "app.handler", timeout=30, memory_mb=256)
    with LocalLambda(function, isolation="auto") as env:
        env.invoke({"child": 50, "sleep": 0.5})
        answer = env.invoke({"child": 300, "sleep": 20})

    assert env.reports[0]["metrics"]["maxMemoryUsedMB"] > 50
    assert answer.error_type == "Runtime.OutOfMemory"
