"""The JSON object that a printed line is, taken apart. Pure.

Powertools, structlog, python-json-logger and embedded metrics print such lines. What they call
level, message and logger become those columns, the rest are extras like any others.
"""

from __future__ import annotations

import json

from firehose_logging._line.json_text import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._line.schema import Schema

#: What loggers call their levels -> the ``level`` column; other texts stay as they are.
_LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARNING",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "CRITICAL",
    "fatal": "CRITICAL",
    "trace": "TRACE",
    "notice": "NOTICE",
}
_NUMBERS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}

#: Where the text of a line may be, the first that is there.
_MESSAGES = ("message", "msg", "event")

#: Names, in lower case, under which formatters say again what a record knows: its columns say it.
_KNOWN_OF_A_RECORD = frozenset(
    {
        *("asctime", "created", "exc_info", "exc_text", "filename", "funcname", "levelname"),
        *("levelno", "lineno", "module", "msecs", "pathname", "process", "processname"),
        *("relativecreated", "stack_info", "taskname", "thread", "threadname"),
        *("timestamp", "time", "level", "severity", "logger", "name", "message", "msg", "event"),
        *("exception", "exception_name", "stack_trace", "requestid"),
    }
)


class Printed:
    """A printed object, taken apart.

    Args:
        level: the ``level`` column; None when the object names none.
        logger: the ``logger`` column; None when the object names none.
        message: the ``message`` column.
        has_message: whether there is one; None may be a message.
        extras: everything else.
    """

    __slots__ = ("extras", "has_message", "level", "logger", "message")

    def __init__(
        self,
        level: str | None,
        logger: str | None,
        message: object,
        extras: dict[str, Any],
        *,
        has_message: bool,
    ) -> None:
        self.level = level
        self.logger = logger
        self.message = message
        self.has_message = has_message
        self.extras = extras

    def members(self, schema: Schema) -> str:
        """Message and extras as JSON members, with a leading comma."""
        members = ""
        if self.has_message:
            members = f',"message":{dumps(schema.message(self.message))}'
        return members + schema.extras(tuple(self.extras), tuple(self.extras.values()))


def read(text: str) -> Printed | None:
    """A printed line as what it says; None when it is no JSON object.

    Args:
        text: the line, with or without its end.
    """
    found = object_of(text)
    if found is None:
        return None
    if is_metrics(found):
        # Its names are dimensions and metrics, whatever they look like.
        message = found.pop("message", None) if "message" in found else _ABSENT
        return Printed(None, None, message, found, has_message=message is not _ABSENT)
    serialized = _serialized(found)
    if serialized is not None:
        return serialized
    level = _level(found)
    message = _ABSENT
    for name in _MESSAGES:
        if name in found:
            message = found.pop(name)
            break
    logger = found.get("logger")
    if isinstance(logger, str) and logger:
        del found["logger"]
    else:
        # A name is a logger's only beside a level or a message; people have names too.
        logger = found.get("name") if level or message is not _ABSENT else None
        if isinstance(logger, str) and logger:
            del found["name"]
        else:
            logger = None
    return Printed(level, logger, message, found, has_message=message is not _ABSENT)


def _serialized(found: dict[str, Any]) -> Printed | None:
    """A line of loguru's ``serialize=True``, which has its record under ``record``."""
    record = found.get("record")
    if not isinstance(record, dict) or not isinstance(found.get("text"), str):
        return None
    level, logger, bound = record.get("level"), record.get("name"), record.get("extra")
    if not isinstance(level, dict) or "message" not in record or not isinstance(bound, dict):
        return None
    name = str(level.get("name", "INFO"))
    rest = {key: record[key] for key in record if key not in ("extra", "level", "message", "name")}
    extras = {**bound, "record": rest}
    if record.get("exception") is not None:
        extras["text"] = found["text"]  # nothing else of it has the stack
    logger = logger if isinstance(logger, str) and logger else None
    return Printed(
        _LEVELS.get(name.lower(), name), logger, record["message"], extras, has_message=True
    )


_ABSENT: Any = object()


def is_metrics(printed: dict[str, Any]) -> bool:
    """Whether a printed object is in CloudWatch's embedded metric format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    head = printed.get("_aws")
    return isinstance(head, dict) and isinstance(head.get("CloudWatchMetrics"), list)


def added(text: str, known: frozenset[str] | set[str]) -> dict[str, Any]:
    """What a handler's formatter added to a record: the keys of its printed JSON that are new.

    Args:
        text: what the handler printed for the record.
        known: names, in lower case, of the record's own extras.

    Returns:
        Names and values that become columns of the record's line, in their order; empty when the
        text is no JSON object.
    """
    found = object_of(text)
    if found is None:
        return {}
    return {
        name: value
        for name, value in found.items()
        if name.lower() not in known and name.lower() not in _KNOWN_OF_A_RECORD
    }


def object_of(text: str) -> dict[str, Any] | None:
    """The object that a text is; None where it is none, or an empty one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _level(found: dict[str, Any]) -> str | None:
    """The ``level`` column, taken out of a printed object; None when it has none to be read."""
    level = found.get("level")
    if isinstance(level, str) and level.strip():
        del found["level"]
        return _LEVELS.get(level.strip().lower(), level.strip())
    if type(level) is int and level in _NUMBERS:
        del found["level"]
        return _NUMBERS[level]
    return None
