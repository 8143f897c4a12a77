"""A web service behind a stand-in for AWS's Lambda Web Adapter, in a local Lambda."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import packages
from support.e2e_lambda import FUNCTIONS, Run, deployed, layer
from tools.ports import free_port

ADAPTER = Path(__file__).parent / "adapter" / "lambda-adapter"
SERVERS = {
    "uvicorn": "python -m uvicorn --log-level warning --port {port} asgi_main:app",
    "gunicorn": "python -m gunicorn --log-level warning -b 127.0.0.1:{port} wsgi_main:app",
}


def adapter_layer(scratch: Path) -> Path:
    """A layer as the adapter's own: the extension, and the wrapper that starts ``run.sh``."""
    folder = scratch / "adapter"
    (folder / "extensions").mkdir(parents=True)
    shutil.copy(ADAPTER, folder / "extensions")
    bootstrap = folder / "bootstrap"
    bootstrap.write_text('#!/bin/bash\nexec -- "$LAMBDA_TASK_ROOT/$_HANDLER"\n')
    bootstrap.chmod(0o755)
    return folder


@contextmanager
def served(
    framework: str,
    server: str,
    scratch: Path,
    environment: dict[str, str | None] | None = None,
    **options: Any,
) -> Iterator[Run]:
    """The service of ``tests/functions/web`` with a framework, behind the adapter."""
    code = scratch / "function"
    code.mkdir()
    for source in (FUNCTIONS / "web").iterdir():
        if source.is_file():
            shutil.copy(source, code)
    packages.add(code, framework, server)
    port = str(free_port())
    values: dict[str, str | None] = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        "PORT": port,
        "FRAMEWORK": framework,
        "PYTHONUNBUFFERED": "1",  # else what is printed may wait for ever
        "WRAPPER": "/opt/firehose_wrapper",
        "LAYER_PYTHON": "/opt/python",
        "SERVER": SERVERS[server].format(port=port),
        **(environment or {}),
    }
    with deployed(
        code,
        values,
        handler="run.sh",
        layers=(layer(), adapter_layer(scratch)),
        copy_code=False,
        **options,
    ) as run:
        yield run


def get(path: str, **more: Any) -> dict[str, Any]:
    """An event of a function URL."""
    return {"rawPath": path, "requestContext": {"http": {"method": "GET"}}, **more}
