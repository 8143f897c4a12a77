"""The ``logging.Handler`` that people add to their logging config."""

from __future__ import annotations

import logging
import threading
import weakref

from firehose_logging import _threads
from firehose_logging._line import line as _line
from firehose_logging._line.foreign import text_of
from firehose_logging._line.json_text import dumps, quote
from firehose_logging._line.redact import redacted
from firehose_logging.errors import UNENCODABLE
from firehose_logging.formatter import JsonFormatter, head_of, message_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._line.context import Context
    from firehose_logging._line.redact import Redact
    from firehose_logging._process import Process
    from firehose_logging.settings import Settings

#: Seconds that ``flush()`` of the handler waits outside Lambda (``logging.shutdown`` calls it).
FLUSH_TIMEOUT = 5.0

_last = threading.local()


class FirehoseHandler(logging.Handler):
    """Sends each record to a delivery stream as one line of JSON.

    The calling thread encodes the record and appends it to a buffer, nothing else. All handlers
    of a process for one stream share one buffer, and a record that reaches two of them is sent
    once. Inside Lambda the first handler, made while the function's module is imported, also
    registers the extension that delivers after each invocation and at shutdown; anywhere else
    lines are delivered in the background and at exit.

    Args:
        stream_name: delivery stream; None takes ``AWS_KINESIS_STREAM_NAME``. With neither, nothing
            is sent and one warning says so.
        level: lowest level that is sent.
        settings: everything else; None reads the environment.
        client: a ready boto3 Firehose client, for another account, profile or role; None makes one
            when the first lines are sent.
        redact: called with each line as a dict, on the logging thread, before the line is kept
            anywhere; gives it back, changed or not, or None to drop it. None sends lines as they
            are. A line whose redaction raises is withheld, and a line says so.

    Raises:
        SettingsError: ``stream_name`` is not a legal name.
    """

    def __init__(
        self,
        stream_name: str | None = None,
        *,
        level: int | str = logging.NOTSET,
        settings: Settings | None = None,
        client: Any = None,
        redact: Redact | None = None,
    ) -> None:
        super().__init__(level)
        # Here, not above: it imports whatever it starts, and importing us must start nothing.
        from firehose_logging import _bootstrap

        self._json = JsonFormatter()
        self._redact = redact
        self._delivery: Delivery | None
        self._context: Context
        self._group: Process
        self._delivery, self._context, self._group = _bootstrap.attach(
            stream_name, settings, client
        )
        self._json.bind(self._context)

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """No lock: the buffer has its own, and a record may be logged while one is formatted."""
        self.lock = None

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - logging's name
        """Use ``fmt`` for the ``message`` column; None and JsonFormatter give the line schema."""
        super().setFormatter(fmt)
        if isinstance(fmt, JsonFormatter):
            fmt.bind(self._context)

    def handle(self, record: logging.LogRecord) -> bool | logging.LogRecord:  # type: ignore[override]
        """Filter and send one record; never raises, never blocks."""
        if not self.filters and not _threads.own and not _threads.calling:
            self.emit(record)
            return True
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return kept

    def filter(self, record: logging.LogRecord) -> bool | logging.LogRecord:  # type: ignore[override]
        """Whether a record is sent: not what is logged about our own deliveries."""
        if _threads.is_about_us(record.name):
            return False
        return super().filter(record) if self.filters else True

    def emit(self, record: logging.LogRecord) -> None:
        """Encode one record and hand it to the delivery."""
        delivery = self._delivery
        if delivery is None:
            return
        sent_to = None
        if self._group.handlers > 1:
            sent_to = _sent_to(record)
            if delivery in sent_to:
                return
            sent_to.append(delivery)
        try:
            formatter = self.formatter
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
            text = quote(message) if type(message) is str else dumps(message)
            body = f'{head},"message":{text}{tail}'
            if self._redact is not None:
                for kept in redacted(self._redact, body):
                    delivery.add(kept)
                return
            if len(body) <= _line.SURELY_FITS or _line.fits(body):
                delivery.add(body)
                return
            whole = message if isinstance(message, str) else text
            for part in _line.split(head, whole, tail):
                delivery.add(part)
        except Exception:  # noqa: BLE001 - a record that defeats us must not reach user code
            self._salvage(delivery, record)
        finally:
            if sent_to is not None:  # formatting may have logged another record
                _last.sent = (weakref.ref(record), sent_to)

    def _salvage(self, delivery: Delivery, record: logging.LogRecord) -> None:
        """Deliver what can be encoded of a record; count it when nothing can."""
        if self._redact is not None:
            delivery.lose(UNENCODABLE)  # what is not whole cannot be redacted
            return
        try:
            head = _line.start(_line.timestamp(record.created), "function", "ERROR", "unknown")
            message = text_of(record.msg)[:10_000]
            delivery.add(f'{head}{self._context.columns},"message":{dumps(message)}')
        except Exception:  # noqa: BLE001
            delivery.lose(UNENCODABLE)

    def flush(self) -> None:
        """Outside Lambda: deliver, waiting at most 5 seconds.

        Inside, the extension delivers; ``dictConfig`` calls this while the function starts and
        must not be held. Use ``firehose_logging.flush()`` to deliver now.
        """
        delivery = self._delivery
        if delivery is not None and delivery.background and not _threads.is_own():
            # At exit this comes after our own last flush: an outage is not waited for twice. And
            # ``dictConfig`` calls this with logging's own lock, for which the delivery may have to
            # wait: the SDK makes its loggers while it is imported.
            waits = not delivery.failing and not _holds_loggings_lock()
            delivery.flush(FLUSH_TIMEOUT if waits else 0)

    def __repr__(self) -> str:
        stream = self._delivery.settings.stream_name if self._delivery else None
        return f"<FirehoseHandler {stream} ({logging.getLevelName(self.level)})>"


def _sent_to(record: logging.LogRecord) -> list[Delivery]:
    """The deliveries that handlers on this thread have just given this very record to."""
    sent: list[Delivery]
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


def _holds_loggings_lock() -> bool:
    """Whether this thread keeps all others from making loggers."""
    owned = getattr(getattr(logging, "_lock", None), "_is_owned", None)
    return owned is not None and bool(owned())
