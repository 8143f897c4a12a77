"""The contract of responses: in pieces, with an error at their end, too large; and of memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.contract import Open, applies, opener, parametrize

pytestmark = [pytest.mark.e2e, pytest.mark.rie]
pytest_generate_tests = parametrize


@pytest.fixture
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Starts environments on one of the platforms."""
    with opener(request.param, tmp_path) as start:
        yield start


@applies()
def test_a_response_in_pieces(platform: Open) -> None:
    """A response that is streamed reaches its caller whole; the environment lives on."""
    env = platform()
    env.release()
    env.first.result(10.0)

    assert env.invoke({"stream": ['{"one":', " 1}"]}).result(10.0) == {"one": 1}
    assert env.invoke({"again": 1}).result(10.0)["event"] == {"again": 1}


@applies(classic="the emulator passes on what came before the failure, and nothing of it")
def test_a_stream_that_fails(platform: Open) -> None:
    """The trailers of a stream tell its failure; the environment lives on."""
    env = platform()
    env.release()
    env.first.result(10.0)
    error = {"errorType": "Function.Late", "errorMessage": "in the middle"}
    body = base64.b64encode(json.dumps(error).encode()).decode()
    trailers = {
        "Lambda-Runtime-Function-Error-Type": "Function.Late",
        "Lambda-Runtime-Function-Error-Body": body,
    }

    assert env.invoke({"stream": ["half"], "trailers": trailers}).result(10.0) == error
    assert env.invoke({"again": 1}).result(10.0)["event"] == {"again": 1}


@applies()
def test_a_response_that_is_too_large(platform: Open) -> None:
    """A response of more than 6 MB in one piece is Function.ResponseSizeTooLarge to its caller."""
    env = platform()
    env.release()
    env.first.result(10.0)

    answer = env.invoke({"size": 7 * 1024 * 1024}).result(20.0)

    assert answer["errorType"] == "Function.ResponseSizeTooLarge"


@applies(
    classic="the emulator has no limit of memory",
    managed="of an instance's memory nothing is told",
)
def test_too_much_memory(platform: Open) -> None:
    """More memory than the function has ends it: Runtime.OutOfMemory, and a new one starts."""
    env = platform()
    env.release()
    env.first.result(10.0)

    answer = env.invoke({"hold_bytes": 300 * 1024 * 1024}).result(20.0)

    assert answer["errorType"] == "Runtime.OutOfMemory"
    assert env.invoke({"again": 1}).result(10.0)["event"] == {"again": 1}
