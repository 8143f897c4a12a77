"""The harness around AWS's emulator, shown on a plain function without the layer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import rie
from tools.waiting import wait_until

pytestmark = [
    pytest.mark.rie,
    pytest.mark.e2e,
    pytest.mark.skipif(not rie.BINARY.exists(), reason="no emulator: run `make rie`"),
]

FUNCTION = """
    import logging, os, sys, time
    print("module imported")

    def handler(event, context):
        if event == "raise":
            raise LookupError("nothing there")
        if event == "sleep":
            print("asleep", flush=True)
            time.sleep(60)
        logging.getLogger().warning("seen %s", event)
        return {"event": event, "mark": os.environ.get("MARK"), "argv": sys.orig_argv}
"""


@pytest.fixture
def function(tmp_path: Path) -> Path:
    """A function folder, with a space in its path."""
    folder = tmp_path / "a function"
    folder.mkdir()
    (folder / "app.py").write_text(textwrap.dedent(FUNCTION))
    return folder


@pytest.fixture
def environment(function: Path, tmp_path: Path) -> Iterator[rie.Rie]:
    """A running emulator around the function."""
    with rie.Rie(function, "app.handler", tmp_path, environment={"MARK": "x"}) as environment:
        yield environment


def test_answers_come_back(environment: rie.Rie) -> None:
    """The function's value is the answer's body, and its variables are those of the test."""
    answer = environment.invoke({"a": [1]})

    assert answer.status == 200
    assert answer.body["event"] == {"a": [1]}
    assert answer.body["mark"] == "x"
    assert answer.body["argv"][1:] == ["-m", "awslambdaric", "app.handler"]


def test_output_is_kept(environment: rie.Rie) -> None:
    """What function and emulator write can be read while they run."""
    environment.invoke("this")

    wait_until(lambda: "seen this" in environment.output, what="the log line")
    assert "module imported" in environment.output
    assert "REPORT RequestId" in environment.output


def test_errors_come_back(environment: rie.Rie) -> None:
    """An error of the function is an answer with its type and message; the environment lives."""
    answer = environment.invoke("raise")

    assert answer.body["errorType"] == "LookupError"
    assert answer.body["errorMessage"] == "nothing there"
    assert environment.invoke("again").body["event"] == "again"


def test_a_timeout_ends_the_runtime(function: Path, tmp_path: Path) -> None:
    """AWS_LAMBDA_FUNCTION_TIMEOUT, in seconds, holds: the invocation fails and the process goes."""
    variables = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "1"}
    with rie.Rie(function, "app.handler", tmp_path, environment=variables) as environment:
        environment.invoke("first")
        before = environment.processes()
        answer = environment.invoke("sleep")

        assert "Task timed out after 1.00 seconds" in str(answer.body)
        assert environment.invoke("after").body["event"] == "after"
        assert not set(before) & set(environment.processes())


def test_stop_leaves_no_process(environment: rie.Rie) -> None:
    """SIGTERM ends emulator and runtime; stopping twice is harmless."""
    environment.invoke("once")
    started = environment.processes()
    status = environment.stop()

    assert started
    assert status == 0
    assert not [pid for pid in started if Path(f"/proc/{pid}/cmdline").exists()]
    assert environment.stop() is None


def test_a_layers_wrapper_starts_the_runtime(function: Path, tmp_path: Path) -> None:
    """With a layer, its wrapper gets the interpreter and its arguments, from any folder."""
    layer = tmp_path / "a layer"
    layer.mkdir()
    wrapper = layer / "firehose_wrapper"
    wrapper.write_text('#!/bin/sh\nMARK=wrapped exec "$@"\n')
    wrapper.chmod(0o755)

    with rie.Rie(function, "app.handler", tmp_path, layer=layer) as environment:
        assert environment.invoke().body["mark"] == "wrapped"
    with rie.Rie(function, "app.handler", tmp_path, layer=layer, wrapper=False) as environment:
        assert environment.invoke().body["mark"] is None
