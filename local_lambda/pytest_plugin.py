"""Fixtures for tests of functions, layers and extensions: `lambda_environment` and `firehose`.

Found by itself once the package is installed; elsewhere `pytest_plugins = ["local_lambda.pytest_plugin"]`.
"""  # noqa: E501 - one line to copy

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from .environment import LocalLambda
from .firehose_process import FirehoseProcess
from .function import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: What goes to `LocalLambda`; everything else is the function's.
ENVIRONMENT_SETTINGS = frozenset(
    [
        "budgets",
        "enforce_memory",
        "freeze",
        "freeze_delay",
        "isolation",
        "network",
        "output_file",
        "port",
        "shutdown_ms",
        "stdin",
        "telemetry_backlog_bytes",
        "telemetry_file",
        "visible",
        "work",
    ]
)


@pytest.fixture
def lambda_environment() -> Iterator[Callable[..., LocalLambda]]:
    """Return a function that starts an environment, which is shut down after the test.

    It takes the arguments of `Function` and `LocalLambda` by name; code and handler come first. It
    is isolated where the machine gives namespaces.
    """
    with contextlib.ExitStack() as stack:

        def start(code: Path, handler: str, **settings: Any) -> LocalLambda:
            settings = {"isolation": "auto", **settings}
            own = {name: settings.pop(name) for name in ENVIRONMENT_SETTINGS & set(settings)}
            return stack.enter_context(LocalLambda(Function(code, handler, **settings), **own))

        yield start


@pytest.fixture
def firehose(tmp_path: Path) -> Iterator[FirehoseProcess]:
    """Return a local Firehose with a stream `logs`; `environment` points a function at it.

    `records()` ends it and returns what was delivered. It needs the package `local_firehose`.
    """
    with FirehoseProcess(tmp_path / "firehose", "logs") as process:
        yield process
