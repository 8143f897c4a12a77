"""Records into lines: what a ``FirehoseHandler`` and captured logging do with one."""

from __future__ import annotations

import logging
import threading
import weakref

from firehose_logging._line import line as _line
from firehose_logging._line.foreign import is_its_own, text_of
from firehose_logging._line.json_text import quote
from firehose_logging._line.printed import added
from firehose_logging._reasons import UNENCODABLE
from firehose_logging.formatter import JsonFormatter, message_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._capture.handling import Handling
    from firehose_logging._capture.sink import Sink
    from firehose_logging._line.context import Context

_last = threading.local()
#: Messages that are what a formatter makes of them, where there are no arguments.
_AS_IT_IS = frozenset({str, dict})
_GET_MESSAGE = logging.LogRecord.getMessage


class Records:
    """Encodes records and hands them to a sink; the calling thread does nothing else.

    Args:
        sink: takes the lines.
        context: the columns of environment and invocation.
    """

    def __init__(self, sink: Sink, context: Context) -> None:
        self._sink = self.sink = sink
        self._context = context
        self._json = JsonFormatter()
        self._json.bind(context)
        #: Records that are taken where their loggers hand them on, by the id of the record.
        self.open = sink.open
        sink.add_giver()

    # -- a handler gets a record ----------------------------------------------------------------

    def take(self, record: logging.LogRecord, formatter: logging.Formatter | None = None) -> None:
        """Send one record.

        Args:
            record: is not changed.
            formatter: makes the ``message`` column; None and a JsonFormatter give the line schema.
        """
        sink = self._sink
        handling = sink.open.get(id(record)) if sink.open else None
        if handling is not None and handling.is_taken and handling.record is record:
            # It is taken already, and becomes a line when all handlers have seen it.
            if formatter is not None and not _is_ours(formatter):
                handling.formatted(_formatted(formatter, record))
            return
        sent_to = None
        if sink.givers > 1:
            if sink.was_taken(record):
                return
            sent_to = _sent_to(record)
            if sink in sent_to:
                return
            sent_to.append(sink)
        try:
            bodies = self._taken(record, formatter)
        except BaseException as error:
            self.salvage(record)
            if isinstance(error, Exception) and is_its_own(error):
                return
            raise
        else:
            sink.give(bodies)
        finally:
            if sent_to is not None:  # formatting may have logged another record
                _last.sent = (weakref.ref(record), sent_to)

    def _taken(self, record: logging.LogRecord, formatter: logging.Formatter | None) -> list[str]:
        """The lines of a record, with the ``message`` column as of ``take``."""
        sink = self._sink
        if formatter is not None and not _is_ours(formatter):
            head, tail = self._json.around(record)
            return sink.bodies(head, _formatted(formatter, record), tail)
        ours: Any = formatter or self._json
        if not (sink.redacts or record.exc_info or record.exc_text or record.stack_info):
            bodies: list[str] | None = ours.plain(record, record.levelno, False)
            if bodies is not None:
                return bodies
        return sink.bodies(*ours.members(record))

    # -- a logger has handed a record on ----------------------------------------------------------

    def in_hook(self) -> bool:
        """Whether this thread is in a redact hook, and nobody else's lines are to be encoded."""
        return self._sink.in_hook()

    def bodies(self, handling: Handling) -> list[str]:
        """The lines of a record that its handlers have seen; raises what comes up meanwhile."""
        record = handling.record
        printed = handling.printed
        # The runtime client's JSON formatter changes level and name of the level, others colour
        # it; an error may have been taken off, so that it is not printed twice.
        if not (
            printed
            or handling.exc_info
            or handling.stack_info
            or record.exc_text
            or handling.message is not None
            or self._sink.redacts
        ):
            bodies = self._json.plain(record, handling.levelno, True)
            if bodies is not None:
                return bodies
        own = record.__dict__
        changed = (
            record.levelno != handling.levelno
            or record.levelname is not handling.levelname
            or record.exc_info is not handling.exc_info
            or record.stack_info is not handling.stack_info
        )
        if changed:
            copy = type(record).__new__(type(record))
            copy.__dict__.update(own)
            copy.levelno, copy.levelname = handling.levelno, handling.levelname
            copy.exc_info, copy.stack_info = handling.exc_info, handling.stack_info
            record, own = copy, copy.__dict__
        head, tail = self._json.around(record)
        if printed:
            more = added(printed, {name.lower() for name in own})
            # Where it was logged, as Powertools prints it; an error has its own place.
            where = more.pop("location", None)
            if type(where) is str and ',"location":' not in tail:
                tail += f',"location":{quote(where)}'
            if more:
                tail += self._context.schema.extras(tuple(more), tuple(more.values()))
        message: object = handling.message
        if message is None:
            # What a formatter has asked the record for is not asked once more.
            if (
                record.args
                or type(record.msg) not in _AS_IT_IS
                or type(record).getMessage is not _GET_MESSAGE
            ):
                message = own.get("message")
            if type(message) is not str:
                message = message_of(record)
                if type(message) is not str:
                    message = self._context.schema.message(message)
        return self._sink.bodies(head, message, tail)

    def salvage(self, record: logging.LogRecord) -> None:
        """Deliver what can be encoded of a record; count it when nothing can."""
        if self._sink.redacts:
            self._sink.lose(UNENCODABLE)  # what is not whole cannot be redacted
            return
        try:
            head = _line.start(_line.timestamp(record.created), "function", "ERROR", "unknown")
            head += self._context.columns
            bodies = self._sink.bodies(head, text_of(record.msg)[:10_000])
        except Exception as error:
            self._sink.lose(UNENCODABLE)
            if not is_its_own(error):
                raise
        else:
            self._sink.give(bodies)


def _is_ours(formatter: logging.Formatter) -> bool:
    """Whether a formatter gives the line schema; what a subclass makes is a message like others."""
    return isinstance(formatter, JsonFormatter) and type(formatter).format is JsonFormatter.format


def _sent_to(record: logging.LogRecord) -> list[Sink]:
    """The sinks that handlers on this thread have just given this very record to."""
    sent: list[Sink]
    last, sent = getattr(_last, "sent", (None, []))
    if last is not None and last() is record:
        return sent
    sent = []
    _last.sent = (weakref.ref(record), sent)
    return sent


def _formatted(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    try:
        # A copy: logging's own formatters leave message, asctime and exc_text on a record.
        theirs = type(record).__new__(type(record))
        theirs.__dict__.update(record.__dict__)
        return formatter.format(theirs)
    except Exception as error:  # a user's formatter
        if not is_its_own(error):
            raise
        return f"{text_of(message_of(record))} [{type(error).__name__} in the formatter]"
