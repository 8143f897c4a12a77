"""What the wrapper and ``install()`` capture, set up as the settings say."""

from __future__ import annotations

import logging
import sys
from functools import partial

from firehose_logging import _threads
from firehose_logging._capture.output import Capture
from firehose_logging._capture.records import Records
from firehose_logging._diagnostics import attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._capture.sink import Sink
    from firehose_logging._clock import Clock
    from firehose_logging._line.context import Context
    from firehose_logging.settings import Settings


class Setup:
    """Everything that is captured in a process.

    Args:
        sink: takes the lines.
        context: the columns of environment and invocation.
        clock: the clock seam.
        settings: what is captured, from which level, and what is passed on.
    """

    def __init__(self, sink: Sink, context: Context, clock: Clock, settings: Settings) -> None:
        self._settings = settings
        self._handler: CapturedLogging | None = None
        if "logging" in settings.capture:
            self._handler = CapturedLogging(settings.level, Records(sink, context))
        self._output = Capture(sink, context, clock, self._handler)
        #: Whether the runtime's own error output is to be kept back.
        self.silences_errors = "errors" in settings.capture and not settings.passes_all

    def start(self) -> None:
        """Capture from now on."""
        settings = self._settings
        self.attach()
        self.logging_set_up()  # it was, when install() is called by the function's module
        if "descriptors" in settings.capture:
            below = partial(self._output.below, settings.capture, passthrough=settings.passes_all)
            attempt("descriptors", below)
        for name in ("stdout", "stderr"):
            if name in settings.capture:
                stream = self._output.stream(
                    getattr(sys, name),
                    name,
                    passthrough=settings.passes_all,
                    metrics=settings.passes_metrics,
                )
                stream.cover()
                setattr(sys, name, stream)
        if "errors" in settings.capture:
            self._output.hook_exceptions()

    def attach(self) -> None:
        """Have our handler first on the root logger, whatever the function did to it.

        First, because the runtime client's JSON formatter changes the records it formats.
        """
        handlers = logging.getLogger().handlers
        if self._handler is not None and self._handler not in handlers:
            handlers.insert(0, self._handler)

    def logging_set_up(self) -> None:
        """The runtime client has put its own handler on the root logger."""
        if self._handler is None or self._settings.passes_all:
            return
        for other in logging.getLogger().handlers:
            if type(other).__module__.startswith("awslambdaric"):
                other.addFilter(self._is_not_sent)  # adding it twice changes nothing

    def _is_not_sent(self, record: logging.LogRecord) -> bool:
        return record.levelno < self._settings.level

    def runtime_error(self, error: dict[str, Any]) -> None:
        """The runtime client reports an error of the handler, or of its import."""
        if "errors" in self._settings.capture:
            self._output.error(
                str(error.get("errorType") or "Error"),
                str(error.get("errorMessage") or ""),
                [str(entry) for entry in error.get("stackTrace") or []],
                "awslambdaric",
            )

    def look(self) -> float | None:
        """Read descriptors; seconds until the next look, None where they are not captured."""
        return self._output.look()

    def leave_descriptors(self) -> None:
        """Put descriptors back as they were, before the interpreter ends."""
        self._output.leave_descriptors()

    def complete(self) -> None:
        """What was printed without a line end is a line now."""
        self._output.complete()


class CapturedLogging(logging.Handler):
    """Takes the records that reach the root logger."""

    def __init__(self, level: int, records: Records) -> None:
        super().__init__(level)
        self._records = records

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """No lock: a record may be logged while one is formatted."""
        self.lock = None

    def filter(self, record: logging.LogRecord) -> bool | logging.LogRecord:  # type: ignore[override]
        """Whether a record is sent: not what is logged about our own deliveries."""
        return not _threads.is_about_us(record.name) and super().filter(record)

    def handle(self, record: logging.LogRecord) -> bool | logging.LogRecord:  # type: ignore[override]
        """Filter and send one record; never raises, never blocks."""
        kept = self.filter(record)
        if kept:
            self.emit(record)
        return kept

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        self._records.take(record, self.formatter)
