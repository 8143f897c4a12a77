"""Breaks parts of the package from the inside, as a defect would, then logs and answers."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Any

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Break what the event names, log its lines, answer."""
    for name in event.get("break", []):
        BREAK[name]()
    for text in event.get("say", []):
        logger.info(text)
    time.sleep(event.get("sleep", 0))
    return event.get("answer", "answer")


def _process() -> Any:
    return sys.modules["firehose_logging._bootstrap"]._process


def _deliveries() -> Any:
    return _process().streams.all()


def _raise(*args: object, **named: object) -> Any:
    raise SystemExit("broken on purpose")


def _delivery_dies_once() -> None:
    """The next call ends the delivery thread, with records in flight."""
    for delivery in _deliveries():
        send = delivery.dispatcher._send

        def die(*args: Any, delivery: Any = delivery, send: Any = send) -> None:
            delivery.dispatcher._send = send
            raise SystemExit("broken on purpose")

        delivery.dispatcher._send = die


def _delivery_dies() -> None:
    for delivery in _deliveries():
        delivery.dispatcher._next_step = _raise


def _delivery_hangs() -> None:
    for delivery in _deliveries():
        delivery.dispatcher._send = lambda *args: threading.Event().wait()


def _companion() -> Any:
    """The companion, which is made soon after the event that this invocation began with."""
    extension, deadline = _process().runtime.extension, time.monotonic() + 10
    while extension._companion is None and time.monotonic() < deadline:
        time.sleep(0.001)
    return extension._companion


def _listener_fails() -> None:
    """Every look at the listener raises, and its port stays readable."""
    listener = _companion()._listener

    def fail(*args: object) -> Any:
        raise RuntimeError("broken on purpose")

    listener.ready = fail


def _listener_closed() -> None:
    _companion()._listener.close()


def _no_runtime_done() -> None:
    """Nobody tells when a handler is done: no hook, and telemetry without runtimeDone."""
    companion = _companion()
    companion._mode._hooked = False
    _process().runtime.extension.handler_ended = lambda request_id: None
    take = companion._take

    def without_done(lines: list[str], done: list[str], bad: int, now: float) -> None:
        take(lines, [], bad, now)

    companion._take = without_done


def _redirect_logging() -> None:
    """A logging config of the function's own that replaces every handler in mid-flight."""
    import logging.config

    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"err": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
            "root": {"level": "INFO", "handlers": ["err"]},
        }
    )


def _debug_everything() -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("botocore", "urllib3", "boto3"):
        logging.getLogger(name).setLevel(logging.DEBUG)


BREAK: dict[str, Any] = {
    "delivery dies once": _delivery_dies_once,
    "delivery dies": _delivery_dies,
    "delivery hangs": _delivery_hangs,
    "listener fails": _listener_fails,
    "listener closed": _listener_closed,
    "no runtimeDone": _no_runtime_done,
    "logging redirected": _redirect_logging,
    "everything at DEBUG": _debug_everything,
}
