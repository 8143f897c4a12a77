"""Records into lines: what a ``FirehoseHandler`` and captured logging do with one."""

from __future__ import annotations

import threading
import weakref

from firehose_logging._line import line as _line
from firehose_logging._line.foreign import text_of
from firehose_logging.errors import UNENCODABLE
from firehose_logging.formatter import JsonFormatter, head_of, message_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging

    from firehose_logging._capture.sink import Sink
    from firehose_logging._line.context import Context

_last = threading.local()


class Records:
    """Encodes records and hands them to a sink; the calling thread does nothing else.

    Args:
        sink: takes the lines.
        context: the columns of environment and invocation.
    """

    def __init__(self, sink: Sink, context: Context) -> None:
        self._sink = sink
        self._context = context
        self._json = JsonFormatter()
        self._json.bind(context)
        sink.givers += 1

    def take(self, record: logging.LogRecord, formatter: logging.Formatter | None = None) -> None:
        """Send one record; never raises.

        Args:
            record: is not changed.
            formatter: makes the ``message`` column; None and a JsonFormatter give the line schema.
        """
        sink = self._sink
        sent_to = None
        if sink.givers > 1:
            sent_to = _sent_to(record)
            if sink in sent_to:
                return
            sent_to.append(sink)
        try:
            if formatter is None:
                head, message, tail = self._json.members(record)
            elif (
                isinstance(formatter, JsonFormatter)
                # A subclass may add to format(); what that makes is a message like any other's.
                and type(formatter).format is JsonFormatter.format
            ):
                head, message, tail = formatter.members(record)
            else:
                head, tail = head_of(record, self._context), self._json.tail(record)
                message = _formatted(formatter, record)
            sink.line(head, message, tail)
        except Exception:  # noqa: BLE001 - a record that defeats us must not reach user code
            self._salvage(record)
        finally:
            if sent_to is not None:  # formatting may have logged another record
                _last.sent = (weakref.ref(record), sent_to)

    def _salvage(self, record: logging.LogRecord) -> None:
        """Deliver what can be encoded of a record; count it when nothing can."""
        if self._sink.redacts:
            self._sink.lose(UNENCODABLE)  # what is not whole cannot be redacted
            return
        try:
            head = _line.start(_line.timestamp(record.created), "function", "ERROR", "unknown")
            self._sink.line(head + self._context.columns, text_of(record.msg)[:10_000])
        except Exception:  # noqa: BLE001
            self._sink.lose(UNENCODABLE)


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
    except Exception as error:  # noqa: BLE001 - a user's formatter
        return f"{text_of(message_of(record))} [{type(error).__name__} in the formatter]"
