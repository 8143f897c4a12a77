"""Which Pythons and runtime clients a test runs with: a chosen part, or all of them."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from tools import clients

#: `make conformance` sets it; `make test` runs the chosen part.
WHOLE = bool(os.environ.get("CONFORMANCE"))

RUNNING = f"3.{sys.version_info.minor}"

Versions = tuple[str, str]


def everything(versions: tuple[str, ...] = clients.VERSIONS) -> list[Versions]:
    """Every Python with every one of these runtime clients."""
    return [(python, client) for python in clients.PYTHONS for client in versions]


def selected(part: list[Versions], whole: list[Versions]) -> list[Versions]:
    """The part, or in `make conformance` the whole."""
    return whole if WHOLE else [pair for pair in part if pair[0] in clients.interpreters()]


def chosen_pythons() -> tuple[str, ...]:
    """Pythons for what runs on the newest client only: ``CASES_PYTHONS=3.11,3.14``.

    Without that variable all of them in `make conformance`, else the one that runs the tests.
    """
    asked = os.environ.get("CASES_PYTHONS")
    if asked:
        return tuple(asked.split(","))
    return tuple(clients.interpreters()) if WHOLE else (RUNNING,)


def name(pair: Versions) -> str:
    """How a pair is called in test ids and in the table."""
    return f"Python {pair[0]}, client {pair[1]}"


def runtime(pair: Versions) -> dict[str, Any]:
    """What makes a local Lambda run on a Python with a runtime client; a skip where it cannot."""
    python, client = pair
    try:
        packages = clients.client(client, python)
        interpreter = clients.interpreter(python)
    except clients.UnavailableError as error:
        pytest.skip(str(error))
    # As on the service, where the client lies in /var/runtime, which is on nobody's PYTHONPATH.
    return {"python": interpreter, "client": packages}
