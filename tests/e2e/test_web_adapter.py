"""Web services behind the Lambda Web Adapter: ids, ends, tenants and traces of each request."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.e2e_lines import assert_whole
from support.web_adapter import get, served

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),  # a first installation
    pytest.mark.conformance(table="Web services", columns=["server"], rows=["framework"]),
]

#: Framework and server.
SERVICES = [
    ("starlette", "uvicorn"), ("fastapi", "uvicorn"), ("django", "uvicorn"),
    ("flask", "gunicorn"), ("django", "gunicorn"),
]  # fmt: skip
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.mark.parametrize(("framework", "server"), SERVICES)
def test_each_request_is_an_invocation(framework: str, server: str, tmp_path: Path) -> None:
    """Lines have the id, the tenant and the trace of their request; each arrives once."""
    with served(framework, server, tmp_path) as run:
        for name in ("amy", "bob"):
            answer = run.invoke(get(f"/order/{name}"), trace_id=TRACE, tenant_id=f"tenant-{name}")
            assert answer.payload["statusCode"] == 200
        answers = run.answers
        run.shutdown()
        lines = run.lines
    assert not run.told
    said = [line for line in lines if line["type"] == "function" and line.get("requestId")]
    for name, answer in zip(("amy", "bob"), answers, strict=True):
        own = [line for line in said if line["requestId"] == answer.request_id]
        texts = [line["message"] for line in own if name in str(line["message"])]
        assert texts.count(f"order of {name}") == 1
        assert texts.count(f"printed for {name}") == 1
        assert {line["tenantId"] for line in own} == {f"tenant-{name}"}
        assert {line["traceId"] for line in own} == {"1-5759e988-bd862e3fe1be46a994272793"}
    assert {line["requestId"] for line in said} == {answer.request_id for answer in answers}
    assert_whole(lines)


@pytest.mark.parametrize("framework", ["starlette", "django"])
def test_concurrent_requests_keep_their_own(framework: str, tmp_path: Path) -> None:
    """Requests that one process serves at a time have their own ids, in tasks and threads."""
    names = [f"guest-{n}" for n in range(8)]
    requests = [get(f"/order/{name}", requestId=f"id-of-{name}") for name in names]
    with served(framework, "uvicorn", tmp_path, {"TOGETHER": "8"}) as run:
        answer = run.invoke({"requests": requests})
        run.shutdown()
        lines = run.lines
    assert answer.payload == [f"order of {name}" for name in names]
    said = {
        (line["message"], line["requestId"])
        for line in lines
        if line["type"] == "function" and "guest" in str(line["message"])
    }
    assert said == {
        (f"{what} {name}", f"id-of-{name}")
        for name in names
        for what in ("order of", "printed for", "in a thread for")
    }


@pytest.mark.parametrize(("framework", "server"), [("starlette", "uvicorn"), ("flask", "gunicorn")])
def test_a_streamed_answer_is_one_invocation(framework: str, server: str, tmp_path: Path) -> None:
    """Lines that are said between two parts of an answer belong to it; the answer is whole."""
    with served(framework, server, tmp_path, {"AWS_LWA_INVOKE_MODE": "response_stream"}) as run:
        answer = run.invoke(get("/stream/amy"))
        run.shutdown()
        lines = run.lines
    assert answer.raw.endswith(b"part 0\npart 1\npart 2\n")
    parts = [line for line in lines if str(line.get("message")).startswith("part ")]
    assert [line["message"] for line in parts] == [f"part {n} for amy" for n in range(3)]
    assert {line["requestId"] for line in parts} == {answer.request_id}


def test_without_the_middleware_the_answers_are_the_same(tmp_path: Path) -> None:
    """The wrapper in ``run.sh`` changes no answer and no output."""
    found = []
    for wrapper in ("/opt/firehose_wrapper", ""):
        scratch = tmp_path / f"run-{len(found)}"
        scratch.mkdir()
        with served("starlette", "uvicorn", scratch, {"WRAPPER": wrapper}) as run:
            answer = run.invoke(get("/order/amy")).payload
            run.shutdown()
        answer["headers"].pop("date")
        found.append((answer, run.output["stdout"], run.output["stderr"]))
    assert found[0] == found[1]


def test_our_wrapper_in_place_of_the_adapters_says_so(tmp_path: Path) -> None:
    """Where our wrapper is given a handler that is a script, it tells what to set instead."""
    how = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose_wrapper"}
    with served("starlette", "uvicorn", tmp_path, how, timeout=3) as run:
        run.invoke(get("/order/amy"))
    assert any("run.sh" in text and "/opt/bootstrap" in text for text in run.told)
