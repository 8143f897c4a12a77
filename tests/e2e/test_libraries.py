"""What arrives of what people say through libraries: levels, extras, exceptions, each line once.

``python -m conformance`` writes the outcome to docs/compatibility.md.
"""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import packages
from support.e2e_lambda import FUNCTIONS, deployed

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),  # a first installation
    pytest.mark.conformance(table="Libraries", columns=["what"], rows=["library"]),
]

#: Those whose lines have levels, extras and exceptions.
LOGGING = (
    "powertools", "structlog", "loguru", "chalice", "json-logger", "sentry", "trio", "uvloop",
    "gevent", "eventlet",
)  # fmt: skip
PRINTING = ("click", "tqdm", "rich")
#: What fails today, by library and what; whoever mends it takes it away.
FAILS: dict[tuple[str, str], str] = {}
if sys.version_info >= (3, 14):
    for what in ("once", "levels"):
        FAILS["eventlet", what] = "eventlet itself says that it could not patch a lock"


class Seen(NamedTuple):
    """What came of one library's function."""

    answer: Any
    told: list[str]
    lines: list[dict[str, Any]]


@functools.cache
def seen(library: str) -> Seen:
    """The lines of the function; it is run once for all tests of a library."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder)
        shutil.copy(FUNCTIONS / "libraries" / "app.py", code)
        packages.add(code, library)
        with deployed(code, {"LIBRARY": library}, copy_code=False, timeout=5) as run:
            answer = run.invoke({}).payload
            run.shutdown()
            lines = [line for line in run.lines if line["type"] == "function"]
    return Seen(answer, run.told, lines)


def parameters(what: str, libraries: tuple[str, ...]) -> list[Any]:
    """Each library, with its mark where it fails."""
    return [
        pytest.param(
            library,
            what,
            marks=[pytest.mark.xfail(reason=FAILS[library, what], strict=False)]
            if (library, what) in FAILS
            else [],
            id=f"{library}-{what}",
        )
        for library in libraries
    ]


def saying(library: str, text: str) -> list[dict[str, Any]]:
    """The lines that say it, wherever they have it."""
    return [line for line in seen(library).lines if text in str(line.get("message"))]


@pytest.mark.parametrize(("library", "what"), parameters("once", LOGGING + PRINTING))
def test_each_line_arrives_once(library: str, what: str) -> None:
    """Each line arrives, with its columns, and nothing twice."""
    assert seen(library).answer == "done"
    assert not seen(library).told
    assert len(saying(library, "order taken")) == 1
    if library in LOGGING:
        assert len(seen(library).lines) == 3


@pytest.mark.parametrize(("library", "what"), parameters("levels", LOGGING))
def test_levels(library: str, what: str) -> None:
    """Each line arrives, with its columns, and nothing twice."""
    levels = [line["level"] for line in seen(library).lines]
    assert levels == ["INFO", "WARNING", "ERROR"]


@pytest.mark.parametrize(("library", "what"), parameters("extras", LOGGING))
def test_extras(library: str, what: str) -> None:
    """Each line arrives, with its columns, and nothing twice."""
    found = saying(library, "order taken")[0]
    assert found["message"] == "order taken"
    assert found["order"] == 17


@pytest.mark.parametrize(("library", "what"), parameters("exceptions", LOGGING))
def test_exceptions(library: str, what: str) -> None:
    """Each line arrives, with its columns, and nothing twice."""
    found = saying(library, "could not divide")[0]
    assert "ZeroDivisionError" in str(found.get("errorType") or found.get("exception"))
