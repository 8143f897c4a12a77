"""Sets logging up in the way that SETUP names, as people do in modules of theirs."""

from __future__ import annotations

import io
import logging
import logging.config
import logging.handlers
import os
import queue
import sys
from typing import Any

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)

CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"firehose": {"class": "firehose_logging.FirehoseHandler", "level": "INFO"}},
    "loggers": {"user": {"level": "INFO", "handlers": ["firehose"]}},
}
FILE_CONFIG = """
[loggers]
keys=root,user
[handlers]
keys=firehose
[formatters]
keys=
[logger_root]
level=WARNING
handlers=
[logger_user]
level=INFO
handlers=firehose
qualname=user
[handler_firehose]
class=firehose_logging.FirehoseHandler
args=("logs",)
kwargs={"level": "INFO"}
"""
YAML_CONFIG = """
version: 1
disable_existing_loggers: false
handlers:
  firehose:
    class: firehose_logging.FirehoseHandler
    stream_name: logs
    formatter: brief
formatters:
  brief:
    format: "%(levelname)s|%(message)s"
loggers:
  user: {level: INFO, handlers: [firehose]}
"""


def dict_config() -> None:
    """Our handler on a logger, by dictConfig."""
    logging.config.dictConfig(CONFIG)


def file_config() -> None:
    """By an ini file."""
    logging.config.fileConfig(io.StringIO(FILE_CONFIG), disable_existing_loggers=False)


def yaml_config() -> None:
    """By YAML, with a formatter."""
    import yaml

    logging.config.dictConfig(yaml.safe_load(YAML_CONFIG))


def in_code() -> None:
    """On the root logger, in code."""
    from firehose_logging import FirehoseHandler

    logging.getLogger().addHandler(FirehoseHandler("logs", level="INFO"))


def two_handlers() -> None:
    """Two handlers of one stream in one logger's path."""
    in_code()
    dict_config()


def by_install() -> None:
    """Everything by install(), twice."""
    from firehose_logging import install

    assert install()
    assert install()


def nothing() -> None:
    """The wrapper does it all."""


def basic_config() -> None:
    """Replace what is on the root logger."""
    logging.basicConfig(level=logging.INFO, force=True)
    logger.info("after basicConfig")


def cleared() -> None:
    """Take away what is on the root logger."""
    logging.getLogger().handlers.clear()
    logger.warning("after clear")


def no_propagation() -> None:
    """A logger that prints by itself."""
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(sys.stdout))


def stream_handler() -> None:
    """A second handler on root, which prints JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter('{"level": "%(levelname)s", "text": "%(message)s"}'))
    logging.getLogger().addHandler(handler)


def queued() -> None:
    """Our handler behind a queue."""
    from firehose_logging import FirehoseHandler

    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logger.addHandler(logging.handlers.QueueHandler(records))
    logging.handlers.QueueListener(records, FirehoseHandler()).start()


def queued_to_stdout() -> None:
    """A printing handler behind a queue."""
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logger.addHandler(logging.handlers.QueueHandler(records))
    logging.handlers.QueueListener(records, logging.StreamHandler(sys.stdout)).start()


globals()[os.environ["SETUP"]]()


def handler(event: dict[str, Any], context: Any) -> str:
    """Log at three levels, print, raise where the event asks for it."""
    logger.debug("below the level")
    logger.info("for your %s", "information")
    logger.warning("careful", extra={"left": 7})
    if event.get("notice"):
        logging.addLevelName(25, "NOTICE")
        logger.log(25, "hear ye")
    print("printed")
    if event.get("raise"):
        raise LookupError("not there")
    return "answer"


if os.environ.get("DECORATED"):
    from firehose_logging import lambda_handler

    handler = lambda_handler(handler)
