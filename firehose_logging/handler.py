"""The ``logging.Handler`` that people add to their logging config."""

from __future__ import annotations

import logging

from firehose_logging import _threads
from firehose_logging._capture.records import Records
from firehose_logging._natives import get_ident
from firehose_logging._threads import calling, own
from firehose_logging.formatter import JsonFormatter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._line.redact import Redact
    from firehose_logging.settings import Settings

#: Seconds that ``flush()`` of the handler waits outside Lambda (``logging.shutdown`` calls it).
FLUSH_TIMEOUT = 5.0


class FirehoseHandler(logging.Handler):
    """Sends each record to a delivery stream as one line of JSON.

    The calling thread encodes the record and appends it to a buffer and to the crash journal, and
    waits for no delivery. All handlers
    of a process for one stream share one buffer, and a record that reaches two of them is sent
    once. Inside Lambda the first handler, made while the function's module is imported, also
    registers the extension that delivers after each invocation and at shutdown; anywhere else
    lines are delivered in the background and at exit.

    Args:
        stream_name: delivery stream; None takes ``AWS_KINESIS_STREAM_NAME``. With neither, nothing
            is sent and one warning says so.
        level: lowest level that is sent; NOTSET, the default, sends all.
        settings: everything else; None reads the environment.
        client: a ready boto3 Firehose client, for another account, profile or role; None makes one
            when the first lines are sent.
        redact: called with each line of the function as a dict, on the thread that logs it,
            before the line is kept anywhere; gives it back, changed or not, or None to drop it. It
            holds for every line that goes to this stream from then on, whoever makes it: other
            handlers, captured logging and output. None adds no hook. A line whose redaction
            raises is withheld, and a line says so.

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
        #: Whether a class of the function's has a filter or an ``emit`` of its own.
        self._is_other = (
            type(self).filter is not FirehoseHandler.filter
            or type(self).emit is not FirehoseHandler.emit
        )
        # Here, not above: it imports whatever it starts, and importing us must start nothing.
        from firehose_logging import _bootstrap

        self._delivery: Delivery | None = None
        self._records: Records | None = None
        self._context, found = _bootstrap.attach(stream_name, settings, client)
        if found is not None:
            self._delivery, sink = found
            if redact is not None:
                sink.redact_with(redact)
            self._records = Records(sink, self._context)

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
        if not (self.filters or self._is_other):
            ident = get_ident()
            if ident not in own and ident not in calling:
                records = self._records
                if records is not None:  # as ``emit``, without the call
                    records.take(record, self.formatter)
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
        if self._records is not None:
            self._records.take(record, self.formatter)

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


def _holds_loggings_lock() -> bool:
    """Whether this thread keeps all others from making loggers."""
    owned = getattr(getattr(logging, "_lock", None), "_is_owned", None)
    return owned is not None and bool(owned())
