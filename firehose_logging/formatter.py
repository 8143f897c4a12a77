"""The line schema as a ``logging.Formatter``."""

from __future__ import annotations

import logging
import traceback
from itertools import islice

from firehose_logging._line import line as _line
from firehose_logging._line.json_text import dumps, quote, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from firehose_logging._line.context import Context

_plain_record = logging.LogRecord("", 0, "", 0, "", (), None)

#: Attributes that logging itself puts on a record, in their order: what follows them is extra.
_STANDARD_COUNT = len(_plain_record.__dict__)

#: Attributes that are nobody's ``extra``: logging's, and those that Lambda's runtime client adds
#: (its filter: aws_request_id, tenant_id; its JSON formatter: _frame_type).
_NOT_EXTRA = frozenset(
    {*_plain_record.__dict__, "message", "asctime", "taskName"}
    | {"aws_request_id", "tenant_id", "_frame_type"}
)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object in the line schema (``docs/schema.md``).

    On a ``FirehoseHandler`` it is the default. On any other handler it gives the same columns
    but ``seq``, which a line gets when the batcher accepts it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._context: Context | None = None

    def bind(self, context: Context) -> None:
        """Take the columns of environment and invocation from ``context``."""
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON object."""
        head, message, tail = self.members(record)
        return f'{head},"message":{dumps(message)}{tail}}}'

    def members(self, record: logging.LogRecord) -> tuple[str, object, str]:
        """The members before the message, the message, and the members after it."""
        head = _line.function_start(record.created, record.levelname, record.name)
        if self._context is not None:
            head += self._context.columns
        tail = ""
        if record.exc_info or record.exc_text or record.stack_info:
            tail = _exception(record)
        if len(record.__dict__) != _STANDARD_COUNT or type(record) is not logging.LogRecord:
            tail += _extras(record)
        return head, message_of(record), tail


def message_of(record: logging.LogRecord) -> object:
    """What was logged: text, or the dict itself when a dict was logged without arguments."""
    msg = record.msg
    args = record.args
    if not args:
        # A message without arguments is not a format string; getMessage agrees.
        return msg if type(msg) is str or type(msg) is dict else text_of(msg)
    try:
        return msg % args if type(msg) is str else record.getMessage()
    except Exception as error:  # noqa: BLE001 - arguments that do not fit, or whose str raises
        shown = text_of(args) if isinstance(args, (tuple, dict)) else ""
        return f"{text_of(msg)} {shown} [{type(error).__name__} while formatting the message]"


def head_of(record: logging.LogRecord, context: Context | None) -> str:
    """The members that every line of the function has, whatever formatter made its message."""
    head = _line.function_start(record.created, record.levelname, record.name)
    return head if context is None else head + context.columns


def _extras(record: logging.LogRecord) -> str:
    items: Iterable[tuple[str, object]] = record.__dict__.items()
    if type(record) is logging.LogRecord:
        items = islice(items, _STANDARD_COUNT, None)
    return _line.extras(items, _NOT_EXTRA)


def _exception(record: logging.LogRecord) -> str:
    members = ""
    info = record.exc_info
    if isinstance(info, tuple) and info[0] is not None:
        members = error_members(info[0], info[1], info[2])
        members += f',"location":{quote(f"{record.pathname}:{record.funcName}:{record.lineno}")}'
    elif record.exc_text:
        # A record that came through a queue: QueueHandler keeps only the text.
        members = f',"stackTrace":{dumps(text_of(record.exc_text).splitlines())}'
    if record.stack_info:
        members += f',"stackInfo":{dumps(text_of(record.stack_info).splitlines())}'
    return members


def error_members(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> str:
    """``errorType``, ``errorMessage``, ``stackTrace``: with causes, notes, a group's members."""
    try:
        if error is not None and (
            error.__cause__
            or error.__context__
            or hasattr(error, "__notes__")
            or hasattr(error, "exceptions")  # a group's members
        ):
            frames = traceback.format_exception(kind, error, trace)
        else:
            frames = traceback.format_tb(trace)
    except Exception:  # noqa: BLE001 - the exception's own str or repr may raise
        frames = []
    return (
        f',"errorType":{quote(kind.__name__)},"errorMessage":{quote(text_of(error))}'
        f',"stackTrace":{dumps([frame.rstrip() for frame in frames])}'
    )
