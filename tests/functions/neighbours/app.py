"""Logs through somebody else's library; NEIGHBOUR names it, ORDER says who is set up first.

With ORDER "wrapper" we are there already; "before" and "after" call install() before or after the
library is set up. NEIGHBOUR "plain" is logging alone, for libraries that wrap the handler.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any


def _install() -> None:
    import firehose_logging

    firehose_logging.install()


def _powertools() -> Callable[[str], None]:
    from aws_lambda_powertools import Logger

    logger = Logger(service="shop", level="INFO")
    return lambda text: logger.info(text, extra={"customer": "c-42"})


def _powertools_child() -> Callable[[str], None]:
    from aws_lambda_powertools import Logger

    Logger(service="shop", level="INFO")
    child = Logger(service="shop", child=True)
    return child.info


def _structlog_print() -> Callable[[str], None]:
    import structlog

    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    logger = structlog.get_logger()
    return lambda text: logger.info(text, customer="c-42")


def _structlog_stdlib() -> Callable[[str], None]:
    import structlog

    logging.basicConfig(format="%(message)s", stream=sys.stdout, level=logging.INFO)
    logging.getLogger().setLevel(logging.INFO)  # basicConfig does nothing where handlers are
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    logger = structlog.get_logger("shop")
    return lambda text: logger.info(text, customer="c-42")


def _loguru() -> Callable[[str], None]:
    from loguru import logger

    return logger.info


def _loguru_serialized() -> Callable[[str], None]:
    from loguru import logger

    logger.remove()
    logger.add(sys.stdout, serialize=True)
    return logger.info


def _loguru_handler() -> Callable[[str], None]:
    from loguru import logger

    from firehose_logging import FirehoseHandler

    logger.remove()
    logger.add(FirehoseHandler(), format="{message}")
    return logger.info


def _xray() -> Callable[[str], None]:
    from aws_xray_sdk.core import patch_all

    patch_all()
    logger = logging.getLogger("user")
    logger.setLevel(logging.INFO)
    return logger.info


def _xray_stream() -> Callable[[str], None]:
    logging.getLogger().addHandler(logging.StreamHandler(sys.stderr))
    logging.getLogger().setLevel(logging.DEBUG)
    return _xray()


def _plain() -> Callable[[str], None]:
    logger = logging.getLogger("user")
    logger.setLevel(logging.INFO)
    return logger.info


SET_UP = {
    "powertools": _powertools,
    "powertools-child": _powertools_child,
    "structlog-print": _structlog_print,
    "structlog-stdlib": _structlog_stdlib,
    "loguru": _loguru,
    "loguru-serialized": _loguru_serialized,
    "loguru-handler": _loguru_handler,
    "xray": _xray,
    "xray-stream": _xray_stream,
    "plain": _plain,
}

if os.environ["ORDER"] == "before":
    _install()
say = SET_UP[os.environ["NEIGHBOUR"]]()
if os.environ["ORDER"] == "after":
    _install()
say("in init")


def handler(event: dict[str, Any], context: Any) -> str:
    """Say what the event says; fail where it says so."""
    for text in event["say"]:
        say(text)
    print("printed", event["say"][0])
    if event["raise"]:
        raise ValueError(event["raise"])
    return "done"
