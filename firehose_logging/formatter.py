"""The line schema as a ``logging.Formatter``."""

from __future__ import annotations

import logging
import sys
import time

from firehose_logging._bundle import have
from firehose_logging._line import line as _line
from firehose_logging._line.foreign import is_its_own, text_of
from firehose_logging._line.json_text import dumps, quote
from firehose_logging._line.line import function_start
from firehose_logging._line.schema import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._line.context import Context

# Bound here: somebody may put another class in its place, which is none that we know.
_LogRecord = logging.LogRecord
_plain_record = _LogRecord("", 0, "", 0, "", (), None)

#: Attributes that logging itself puts on a record, in their order: what follows them is extra.
_STANDARD_COUNT = len(_plain_record.__dict__)

#: The last of them: where it does not stand there, somebody has taken one of them away.
_STANDARD_LAST = next(reversed(_plain_record.__dict__))

#: Attributes that are nobody's ``extra``: logging's, those that Lambda's runtime client adds (its
#: filter: aws_request_id, tenant_id; its JSON formatter: _frame_type), and structlog's.
_NOT_EXTRA = frozenset(
    {*_plain_record.__dict__, "message", "asctime", "taskName"}
    | {"aws_request_id", "tenant_id", "_frame_type", "_logger", "_name", "_from_structlog"}
)

#: What the SDK of durable functions gives each record, and we each line of an execution.
_EXECUTION = "executionArn"

_ALL = Schema()
_OPEN = _ALL.skipping(_NOT_EXTRA)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object in the line schema (``docs/schema.md``).

    On a ``FirehoseHandler`` it is the default. On any other handler it gives the same columns
    but ``seq``, which a line gets when it is accepted for delivery.
    """

    def __init__(self) -> None:
        super().__init__()
        self._context: Context | None = None
        self._all = _ALL
        self._schema = self._durable = _OPEN

    def bind(self, context: Context) -> None:
        """Take schema, and the columns of environment and invocation, from ``context``."""
        self._context = context
        self._all = context.schema
        self._schema = context.schema.skipping(_NOT_EXTRA)
        self._durable = context.schema.skipping(_NOT_EXTRA | {_EXECUTION})

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON object."""
        head, message, tail = self.members(record)
        return f'{head},"message":{dumps(message)}{tail}}}'

    def members(self, record: logging.LogRecord) -> tuple[str, object, str]:
        """The members before the message, the message, and the members after it."""
        head, tail = self.around(record)
        message = message_of(record)
        if type(message) is not str:
            message = self._schema.message(message)
        return head, message, tail

    def plain(self, record: logging.LogRecord, level: int, asked: object) -> list[str] | None:
        """The lines of a record without an error or a stack, as ``members`` gives their parts.

        None of a record that is not as most are; nothing of the function's has run by then. All in
        one function, which is what a log call waits for.

        Args:
            record: is not changed.
            level: its number.
            asked: whether the message that a formatter has left on the record is to be used.
        """
        context = self._context
        message: Any = record.msg
        if (
            type(record) is not _LogRecord
            or type(message) is not str
            or context is None
            or _LogRecord.getMessage is not _GET_MESSAGE
        ):
            return None
        head = context.start(record.created, level, record.name)
        if head is None:
            return None
        own = record.__dict__
        tail = ""
        if len(own) != _STANDARD_COUNT or next(reversed(own)) != _STANDARD_LAST:
            if _EXECUTION in own:
                return None
            tail = self._schema.extras_of(own, _STANDARD_COUNT, _STANDARD_LAST)
        args = record.args
        if args:
            found = own.get("message") if asked else None
            if type(found) is not str:
                try:
                    found = message % args
                except Exception as error:  # as in ``message_of``
                    if not is_its_own(error):
                        raise
                    found = _unformatted(message, args, error)
            message = found
        shown = quote(message) if type(message) is str else dumps(self._schema.message(message))
        body = f'{head},"message":{shown}{tail}'
        if len(body) <= _line.SURELY_FITS or _line.fits(body):
            return [body]
        return _line.split(head, message if isinstance(message, str) else shown, tail)

    def around(self, record: logging.LogRecord) -> tuple[str, str]:
        """The members before the message, and those after it: the exception's, and the extras."""
        context = self._context
        columns = "" if context is None else context.at(record.created)
        try:
            head = function_start(
                record.created, record.levelno, record.levelname, record.name, columns
            )
        except (TypeError, ValueError, OverflowError, AttributeError):
            head = _odd_start(record.__dict__) + columns
        members = ""
        if record.exc_info or record.exc_text or record.stack_info:
            members = _exception(record)
        own = record.__dict__
        first = 0
        if type(record) is _LogRecord:
            if len(own) == _STANDARD_COUNT and next(reversed(own)) == _STANDARD_LAST:
                return head, members
            # logging's own attributes come first, unless somebody made the record otherwise.
            first = _STANDARD_COUNT
        if type(record.msg) is dict:
            event = _structlog_event(record)
            if event is not None:
                members += self._of_structlog(event, own, has_exception=bool(members))
                return head, members
        schema = self._schema
        if _EXECUTION in own and context is not None and context.is_durable:
            schema = self._durable  # the column has it already
        extras = schema.extras_of(own, first, _STANDARD_LAST)
        return head, members + extras if members else extras

    def _of_structlog(
        self, event: dict[str, Any], own: dict[str, Any], *, has_exception: bool
    ) -> str:
        extras = {key: own[key] for key in own if key not in _NOT_EXTRA}
        # A key of an event is the user's, also where a record has an attribute of its name.
        extras.update((key, event[key]) for key in event if key not in _EVENT_OF_ITS_OWN)
        members = "" if has_exception else _structlog_exception(event)
        return members + self._all.extras(tuple(extras), tuple(extras.values()))


def message_of(record: logging.LogRecord) -> object:
    """What was logged: text, or the dict itself when a dict was logged without arguments."""
    msg = record.msg
    args = record.args
    try:
        if type(record).getMessage is not _GET_MESSAGE:
            return record.getMessage()  # which may mask secrets, or format in another way
        if not args:
            # A message without arguments is not a format string; getMessage agrees.
            if type(msg) is str:
                return msg
            if type(msg) is dict:
                event = _structlog_event(record)
                return msg if event is None else event.get("event")
            return str(msg)
        return msg % args if type(msg) is str else record.getMessage()
    except Exception as error:  # arguments that do not fit, or whose str raises
        if not is_its_own(error):
            raise
        return _unformatted(msg, args, error)


def _unformatted(msg: object, args: object, error: Exception) -> str:
    """What there is of a message whose text could not be made."""
    if not args:
        return text_of(msg)
    shown = text_of(args) if isinstance(args, (tuple, dict)) else ""
    return f"{text_of(msg)} {shown} [{type(error).__name__} while formatting the message]"


_GET_MESSAGE = logging.LogRecord.getMessage


def _odd_start(own: dict[str, Any]) -> str:
    """The first members of a record that somebody made by hand, with values of other types."""
    created, levelno = own.get("created"), own.get("levelno")
    try:
        when = _line.timestamp(created)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        when = _line.timestamp(time.time())
    number = levelno if type(levelno) is int else logging.NOTSET
    level = _line.level_name(number, text_of(own.get("levelname", "INFO")))
    return _line.start(when, "function", level, text_of(own.get("name", "unknown")))


def _exception(record: logging.LogRecord) -> str:
    have("_line.exception")
    from firehose_logging._line.exception import error_members, text_members

    members = ""
    info = record.exc_info
    if isinstance(info, tuple) and info[0] is not None:
        members = error_members(*info, record.exc_text)
        members += f',"location":{quote(f"{record.pathname}:{record.funcName}:{record.lineno}")}'
    elif record.exc_text:
        # A record that came through a queue: QueueHandler keeps only the text.
        members = text_members(text_of(record.exc_text))
    if record.stack_info:
        members += f',"stackInfo":{dumps(text_of(record.stack_info).splitlines())}'
    return members


# -- structlog's ProcessorFormatter: its event travels as the message of the record ----------------

#: Keys of an event that say again what the record says.
_EVENT_OF_ITS_OWN = frozenset(
    {"event", "level", "timestamp", "logger", "exc_info", "stack_info", "_record"}
)


def _structlog_event(record: logging.LogRecord) -> dict[str, Any] | None:
    """The event that structlog gave to logging for a formatter to render; None for all others."""
    own = record.__dict__
    msg = own["msg"]
    return msg if type(msg) is dict and "_logger" in own and "_name" in own else None


def _structlog_exception(event: dict[str, Any]) -> str:
    info = event.get("exc_info")
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    elif info and not isinstance(info, tuple):
        info = sys.exc_info()
    if info and info[0] is not None:
        have("_line.exception")
        from firehose_logging._line.exception import error_members

        return error_members(*info)
    return ""
