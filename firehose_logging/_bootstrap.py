"""Holds the only process-wide instance, and what the public names do with it."""

from __future__ import annotations

import os
import sys
from functools import partial

from firehose_logging import _threads
from firehose_logging._bundle import have
from firehose_logging._diagnostics import tell
from firehose_logging._environment import Environment, trace_header
from firehose_logging._process import Process
from firehose_logging.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firehose_logging._capture.sink import Sink
    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._delivery.result import FlushResult
    from firehose_logging._fork import Unwarned
    from firehose_logging._line.context import Context
    from firehose_logging._line.redact import Redact

NO_STREAM = (
    "AWS_KINESIS_STREAM_NAME is not set, so no logs are sent; set it to the name of a delivery "
    "stream. The function runs as it would without this layer."
)

_process: Process | None = None

#: Made at the first fork.
_unwarned: Unwarned | None = None


def _before_fork() -> None:
    global _unwarned
    if _process is not None and _threads.native_ids:
        if _unwarned is None:
            have("_fork")
            from firehose_logging._fork import Unwarned

            _unwarned = Unwarned(_threads.others)
        _unwarned.before()


def _after_fork() -> None:
    if _unwarned is not None:
        _unwarned.after()
    if _process is not None:
        _process.after_fork()


def _forked() -> None:
    if _process is not None:
        _process.streams.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork, after_in_parent=_forked)
    if sys.version_info >= (3, 12) and os.path.isdir("/proc/self/task"):  # noqa: PTH112
        os.register_at_fork(before=_before_fork)


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
        _process = Process(Environment.of_process(), settings)
    return _process, settings


def attach(
    stream_name: str | None, settings: Settings | None, client: Any
) -> tuple[Context, tuple[Delivery, Sink] | None]:
    """What a handler needs: the context, its delivery and its sink; None without a stream."""
    process, settings = _get(settings)
    if stream_name is not None:
        settings = settings.replace(stream_name=stream_name)
    if settings.stream_name is None:
        tell(NO_STREAM, code="stream_missing", once="stream")
        return process.context, None
    delivery = process.delivery(settings.stream_name, settings, client)
    process.start(delivery, settings)
    return process.context, (delivery, process.sink(delivery))


def install(settings: Settings | None = None, *, redact: Redact | None = None) -> bool:
    """What the wrapper does: capture, runtime hooks, extension; True when logs will be sent.

    Idempotent. Call it while the function's module is imported. After the wrapper, or once more,
    what it is given holds from then on: the hook, ``level``, ``levels``, ``passthrough``,
    ``fields``, ``schema``, ``flush``, ``interval``. What cannot change any more is told, and stays.

    Args:
        settings: None reads the environment, or changes nothing after the first call.
        redact: as of ``FirehoseHandler``, for everything that is captured.
    """
    if _process is not None and _process.is_installed:
        _process.install_again(settings, redact)
        return True
    process, settings = _get(settings)
    if settings.stream_name is None:
        tell(NO_STREAM, code="stream_missing", once="stream")
        return False
    delivery = process.delivery(settings.stream_name, settings, None)
    process.install(delivery, settings, redact)
    process.start(delivery, settings)
    return True


def launch(collect_again: Callable[[], None]) -> None:
    """``install()`` for the wrapper, which has turned the garbage collector off.

    Args:
        collect_again: turns it on; called once, when the runtime client has been read, or at once
            where nobody tells when.
    """
    waits = False
    try:
        if install() and _process is not None and _process.runtime is not None:
            waits = _process.runtime.when_client_is_read(collect_again)
    finally:
        if not waits:
            collect_again()


def flush(timeout: float | None = None) -> FlushResult:
    """Deliver every line accepted so far, on all streams of the process.

    Args:
        timeout: most seconds to wait; 0 only asks; None waits as long as it takes, unless the
            stream is failing.

    Returns a ``FlushResult``, which is true when all of it has been delivered: nothing is pending,
    and nothing was lost or diverted meanwhile.
    """
    have("_delivery.result")
    from firehose_logging._delivery.result import FlushResult

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
        process.start(process.delivery(settings.stream_name, settings, None), settings)
    if process.runtime is not None:  # also where code gave the stream's name, not the environment
        process.runtime.decorated()


def begin_invocation(context: Any) -> Callable[[], None]:
    """An invocation begins; call what this returns when it ends."""
    process = _process
    if process is None or (process.runtime is not None and process.runtime.is_hooked):
        return _nothing
    request_id = str(getattr(context, "aws_request_id", "") or "")
    tenant = getattr(context, "tenant_id", None)
    tenant_id = str(tenant) if tenant else None
    if process.runtime is None:
        process.context.begin(request_id, trace_header=trace_header(), tenant_id=tenant_id)
        return _nothing
    process.runtime.invocation_began(request_id, trace_header(), tenant_id)
    return partial(process.runtime.invocation_ended, request_id or None)


def begin_request(
    request_id: str,
    *,
    trace_header: str | None,
    tenant_id: str | None,
    invocation_id: str | None,
) -> Callable[[], None]:
    """A request to a web server begins, beside others; call what this returns when it ends.

    Args:
        request_id: of the invocation that it is.
        trace_header: as of ``Context.begin``; None has none, as below.
        tenant_id: the tenant's.
        invocation_id: of this attempt of the request.
    """
    process = _process
    if process is None:
        return _nothing
    token = process.context.begin(
        request_id,
        trace_header=trace_header,
        tenant_id=tenant_id,
        invocation_id=invocation_id,
    )

    def end() -> None:
        process.context.leave(token)
        if process.runtime is not None:
            process.runtime.invocation_ended(request_id)

    return end


def _nothing() -> None:
    return
