"""One service three times: for gunicorn (WSGI), uvicorn (ASGI) and a Celery worker."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import firehose_logging

log = logging.getLogger("app")
log.setLevel(logging.INFO)
log.propagate = False
log.addHandler(firehose_logging.FirehoseHandler("logs"))


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """Log what was asked for, and answer."""
    log.info("asked %s", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """The same; at the shutdown, what is logged last is flushed as the recipe says."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        log.info("shutting down")
        firehose_logging.flush(5)
        await send({"type": "lifespan.shutdown.complete"})
        return
    log.info("asked %s", scope["path"])
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


if "BROKER" in os.environ:
    from celery import Celery

    folder = os.environ["BROKER"]
    worker = Celery("app", broker="filesystem://")
    worker.conf.broker_transport_options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": folder,
    }

    @worker.task
    def say(number: int) -> None:
        """Log, and leave a file that says so."""
        log.info("task %d", number)
        (Path(folder) / f"done-{number}").touch()
