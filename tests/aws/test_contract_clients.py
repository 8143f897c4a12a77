"""Released runtime clients on every Python, and one whose functions have other names."""

from __future__ import annotations

import re
import shutil
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from support import versions
from support.e2e_lambda import deployed, masked
from support.e2e_lines import Said, assert_same, assert_whole, platform, said_by, said_in
from tools import clients

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.conformance(table="Runtime clients", columns=["pair"]),
]

PAIRS = versions.selected(
    [(versions.RUNNING, version) for version in ("2.0.12", "3.0.2")], versions.everything()
)

#: What is done in three invocations; the second one fails.
INVOCATIONS: list[list[Any]] = [
    [
        *(["log", level, f"at {level}"] for level in ("DEBUG", "INFO", "WARNING", "ERROR")),
        ["log", "INFO", {"a": "dict", "n": 1}],
        ["log", "INFO", "two\nlines"],
        ["caught", "caught"],
        ["print", "printed"],
        ["stderr", "to stderr"],
        ["warn", "first warning"],
    ],
    [["log", "INFO", "then"], ["warn", "second warning"], ["raise", "ValueError", "wrong"]],
    [["print", "after the error"], ["write", "without line end"]],
]
EXPECTED = [line for n, steps in enumerate(INVOCATIONS, 1) for line in said_by(steps, n)]


@pytest.fixture(params=PAIRS, ids=versions.name)
def pair(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What makes ``deployed`` run on a Python with a runtime client."""
    return versions.runtime(request.param)


@pytest.mark.timeout(240)  # a first installation
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("framed", [True, False], ids=["log fd", "no log fd"])
def test_the_same_lines(pair: dict[str, Any], log_format: str, framed: bool) -> None:
    """Every line once, with its invocation, whichever client runs the function."""
    form = {"log_format": log_format, "log_level": "DEBUG", "framed_log_fd": framed}
    with deployed(**form, **pair) as run:
        for steps in INVOCATIONS:
            run.do(*steps)
        run.shutdown()
        said, lines = run.said, run.lines
        assert not run.told

    # Client 3.0 logs a hint of its own with each unhandled error.
    assert_same(EXPECTED, [line for line in said if not line.message.startswith("LAMBDA_WARNING")])
    assert_whole(lines)


def test_the_same_answers_and_output(pair: dict[str, Any]) -> None:
    """Answers, errors and what CloudWatch gets are those of the same client without us."""
    answers, outputs = [], []
    for with_layer in (True, False):
        with deployed(with_layer=with_layer, **pair) as run:
            answered = [run.do(*steps, answer=n) for n, steps in enumerate(INVOCATIONS)]
            run.shutdown()
            answers.append(
                [(answer.error_type, masked(str(answer.payload))) for answer in answered]
            )
            outputs.append([f"{name}: {t}" for name, texts in run.output.items() for t in texts])

    assert answers[0] == answers[1]
    # As a list of what differs: of two long lists a failure would show the beginning.
    assert list(unified_diff(outputs[1], outputs[0], "without", "with", n=0)) == []


def test_an_import_error(pair: dict[str, Any]) -> None:
    """A module that cannot be imported: the error arrives, and what led to it."""
    with deployed("init_error", **pair) as run:
        run.invoke()
        run.shutdown()
        errors = [line for line in run.lines if line.get("errorType") == "ZeroDivisionError"]
        said = [line for line in run.lines if line.get("message") == "about to fail"]
        assert_whole(run.lines)

    assert len(errors) == len(said) == 2  # Init is tried again with the invocation


def test_sigterm_delivers(pair: dict[str, Any]) -> None:
    """What waits for a later flush is delivered at SIGTERM."""
    later = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deployed(environment=later, **pair) as run:
        run.do(["logs", "INFO", 100])
        assert not run.said
        end = run.shutdown()
        run.expect(*said_by([["logs", "INFO", 100]], 1))

    assert end.runtime is not None
    assert end.runtime.by_itself


# -- a client that we do not know ------------------------------------------------------------------

_NAMES = {
    "handle_event_request": "serve_one_event",
    "log_error": "write_error",
    "_GLOBAL_AWS_REQUEST_ID": "_CURRENT_ID",
    "_GLOBAL_TENANT_ID": "_CURRENT_TENANT",
}


@pytest.fixture(params=versions.selected([(versions.RUNNING, clients.NEWEST)],
                                         versions.everything((clients.NEWEST,))),
                ids=versions.name)  # fmt: skip
def unknown(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """A runtime client in which every function that we hook has another name."""
    runtime = versions.runtime(request.param)
    folder = tmp_path / "client"
    shutil.copytree(runtime["client"], folder, symlinks=False)
    for source in (folder / "awslambdaric").glob("*.py"):
        text = source.read_text()
        for name, other in _NAMES.items():
            text = re.sub(rf"\b{name}\b", other, text)
        text = re.sub(r"\bdef run\(", "def start_to_work(", text)
        text = re.sub(r"\bbootstrap\.run\(", "bootstrap.start_to_work(", text)
        source.write_text(text)
    return {**runtime, "client": folder}


@pytest.mark.conformance(table="A client with other names", columns=["unknown"])
def test_without_hooks_nothing_is_lost(unknown: dict[str, Any]) -> None:
    """With the platform's own events alone every line still arrives once, and nothing is told."""
    with deployed(**unknown) as run:
        answers = [run.do(*steps, answer=n) for n, steps in enumerate(INVOCATIONS)]
        run.shutdown()
        lines = run.lines
        assert not run.told

    # The runtime's own report of an error is seen on the way out only where it is printed.
    errors = [line for line in EXPECTED if line.logger == "awslambdaric"]
    unnumbered = [line._replace(during=0) for line in EXPECTED if line not in errors]
    assert_same(unnumbered, [line._replace(during=0) for line in said_in(lines)])
    assert_whole(lines)
    assert [answer.error_type for answer in answers] == [None, "ValueError", None]
    done = platform(lines, "runtimeDone")
    assert [line["record"]["status"] for line in done] == ["success", "error", "success"]


@pytest.mark.conformance(table="A client with other names", columns=["unknown"])
def test_without_hooks_lines_are_delivered_after_each_invocation(unknown: dict[str, Any]) -> None:
    """platform.runtimeDone stands in for the hook: the flush comes before the freeze."""
    with deployed(**unknown) as run:
        for number in range(3):
            run.do(["log", "INFO", f"number {number}"])
            assert run.env.wait_frozen()
            assert f"number {number}" in [line.message for line in said_in(run.lines)]


@pytest.mark.conformance(table="A client with other names", columns=["unknown"])
def test_without_hooks_lines_name_their_invocation(unknown: dict[str, Any]) -> None:
    """The INVOKE event names the invocation; a line too early for it names none, never another."""
    with deployed(**unknown) as run:
        for number in range(5):
            run.do(["sleep", 0.1], ["log", "INFO", f"number {number}"])
        run.shutdown()
        said = run.said

    assert [Said(n, "INFO", "user", f"number {n - 1}") for n in range(1, 6)] == said
