"""The package as a function's process has it, inside the test's own process.

A real Extensions API on a socket, the real runtime client, loaded for one test alone, and all of
ours between them. Only Firehose and the Runtime API are not there: memory takes their place.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from firehose_logging import _bootstrap, _environment
from firehose_logging._firehose import choose
from firehose_logging.settings import Settings
from firehose_logging.testing import MemoryTransport
from support.extensions_api import ExtensionsApi

MODULE = "awslambdaric.bootstrap"


class Connection:
    """The runtime client's way to the Runtime API: what it posts stays here."""

    def __init__(self) -> None:
        self.marshaller = import_module("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller()
        #: What was posted: kind, request id, body.
        self.posted: list[tuple[str, str, Any]] = []

    def post_invocation_result(self, request_id: str, result: Any, *_: object) -> None:
        """The handler has answered."""
        self.posted.append(("result", request_id, json.loads(result)))

    def post_invocation_error(self, request_id: str, error: Any, *_: object) -> None:
        """The handler has raised."""
        self.posted.append(("error", request_id, json.loads(error)))


class ErrorLog:
    """Where the runtime client writes its own report of an error."""

    def __init__(self) -> None:
        self.errors: list[list[str]] = []

    def log_error(self, lines: list[str]) -> None:
        """Keep a report."""
        self.errors.append(lines)


class InLambda:
    """A function's process.

    Args:
        monkeypatch: puts everything back.
        folder: for files of the test.
        api: the environment's Extensions API.
        variables: more of what the platform starts the process with.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, api: ExtensionsApi, **variables: str
    ) -> None:
        self.api = api
        self.transport = MemoryTransport()
        self.client = fresh_runtime_client(monkeypatch)
        self.connection = Connection()
        self.error_log = ErrorLog()
        facts = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
            "TMPDIR": str(folder),
            **variables,
        }
        started_with = folder / "environ"
        started_with.write_bytes(b"\0".join(f"{k}={v}".encode() for k, v in facts.items()))
        monkeypatch.setattr(_environment, "_STARTED_WITH", str(started_with))
        monkeypatch.setattr(choose, "make_transport", lambda *_: self.transport)

    def install(self, **settings: Any) -> Any:
        """What a function does while its module is imported; gives the process."""
        settings = {"stream_name": "logs", "journal": False, "telemetry": (), **settings}
        assert _bootstrap.install(Settings(**settings))
        return _bootstrap._process

    def invoke(self, handler: Any, request_id: str = "r-1", event: Any = None, **more: Any) -> Any:
        """Have the runtime client run a handler; gives what it posted."""
        given = {
            "content_type": "application/json", "client_context_json": None,
            "cognito_identity_json": None, "invoked_function_arn": "arn:aws:lambda:::shop",
            "epoch_deadline_time_in_ms": (time.time() + 60) * 1000, "tenant_id": None, **more,
        }  # fmt: skip
        self.client.handle_event_request(
            self.connection, handler, request_id, json.dumps(event).encode(),
            log_sink=self.error_log, **given,
        )  # fmt: skip
        return self.connection.posted[-1]

    def lines(self) -> list[dict[str, Any]]:
        """What Firehose has; flushes first."""
        assert not _bootstrap.flush(10).pending
        return self.transport.lines()


def fresh_runtime_client(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The runtime client's module as a new process imports it; skips where there is none."""
    pytest.importorskip("awslambdaric")
    spec = importlib.util.find_spec(MODULE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, MODULE, module)
    spec.loader.exec_module(module)
    # Classes that every copy of the module shares.
    for shared, name in ((module.LambdaContext, "log"),
                         (module.LambdaRuntimeClient, "wait_next_invocation")):  # fmt: skip
        monkeypatch.setattr(shared, name, getattr(shared, name))
    return module
