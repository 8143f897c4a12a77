"""Holds the only process-wide instance, and what the public names do with it."""

from __future__ import annotations

import atexit
import logging
import os
from functools import partial

from firehose_logging import _diagnostics, _shutdown
from firehose_logging._delivery.result import FlushResult
from firehose_logging._diagnostics import tell
from firehose_logging._process import Process
from firehose_logging.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._line.context import Context
    from firehose_logging._line.redact import Redact

NO_STREAM = (
    "AWS_KINESIS_STREAM_NAME is not set, so no logs are sent; set it to the name of a delivery "
    "stream. The function runs as it would without this layer."
)

_process: Process | None = None


def _after_fork() -> None:
    if _process is not None:
        _process.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _tell_wrong(text: str) -> None:
    # An illegal stream name is told as such, not once more as one that is missing.
    unknown = " is no variable of ours" in text
    tell(
        text,
        code="setting_unknown" if unknown else "setting_wrong",
        once="stream" if text.startswith("AWS_KINESIS_STREAM_NAME=") else text,
    )


def _get(settings: Settings | None) -> tuple[Process, Settings]:
    global _process
    if settings is None:
        settings = Settings.from_env(report=_tell_wrong)
    if _process is None:
        _process = Process(settings)
    return _process, settings


def attach(
    stream_name: str | None, settings: Settings | None, client: Any
) -> tuple[Delivery | None, Context, Process]:
    """What a handler needs: its delivery, the context, and who counts the handlers."""
    process, settings = _get(settings)
    if stream_name is not None:
        settings = settings.replace(stream_name=stream_name)
    if settings.stream_name is None:
        tell(NO_STREAM, code="stream_missing", once="stream")
        return None, process.context, process
    delivery = process.delivery(settings.stream_name, settings, client)
    process.handlers += 1
    process.start(delivery)
    return delivery, process.context, process


def install(settings: Settings | None = None, *, redact: Redact | None = None) -> bool:
    """What the wrapper does: capture, runtime hooks, extension; True when logs will be sent.

    Idempotent; the first call decides. Call it while the function's module is imported.

    Args:
        settings: None reads the environment.
        redact: as of ``FirehoseHandler``, for everything that is captured.
    """
    process, settings = _get(settings)
    if settings.stream_name is None:
        tell(NO_STREAM, code="stream_missing", once="stream")
        return False
    process.settings = settings
    delivery = process.delivery(settings.stream_name, settings, None)
    process.install(delivery, redact)
    process.start(delivery)
    return True


def flush(timeout: float | None = None) -> FlushResult:
    """Deliver every line accepted so far, on all streams of the process.

    Args:
        timeout: most seconds to wait; 0 only asks; None waits as long as it takes, unless the
            stream is failing.

    Returns a ``FlushResult``, which is true when nothing is pending and nothing was lost.
    """
    if _process is None:
        return FlushResult(0, 0, {})
    return _process.streams.flush(timeout)


def counts() -> list[dict[str, object]]:
    """The ledger of every stream of the process."""
    return [] if _process is None else [d.counts() for d in _process.streams.all()]


def prepare() -> None:
    """Start what ``lambda_handler`` needs, while the function's module is imported."""
    process, settings = _get(None)
    if settings.stream_name is not None:
        process.decorated()
        process.start(process.delivery(settings.stream_name, settings, None))


def begin_invocation(context: Any) -> Callable[[], None]:
    """An invocation begins; call what this returns when it ends."""
    process = _process
    if process is None or process.is_hooked:
        return lambda: None
    request_id = str(getattr(context, "aws_request_id", "") or "")
    tenant = getattr(context, "tenant_id", None)
    from firehose_logging.settings import trace_header

    process.invocation_began(request_id, trace_header(), str(tenant) if tenant else None)
    return partial(process.invocation_ended, request_id or None)


def reset_for_tests() -> None:
    """Forget everything; for tests."""
    global _process
    process, _process = _process, None
    if process is not None:
        atexit.unregister(process.at_exit)
        if process.extension is not None:
            process.extension.stop()
        for delivery in process.streams.all():
            delivery.close(1.0)
        if process.capture is not None:
            process.capture.close()
        if process.root_handler is not None:
            logging.getLogger().removeHandler(process.root_handler)
    _diagnostics.forget()
    _shutdown.unwatch()
