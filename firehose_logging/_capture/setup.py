"""What the wrapper and ``install()`` capture, set up as the settings say."""

from __future__ import annotations

import sys
from functools import partial

from firehose_logging._capture.handling import Loggers
from firehose_logging._capture.output import Output
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
        self._loggers: Loggers | None = None
        if "logging" in settings.capture:
            records = Records(sink, context)
            self._loggers = Loggers(records, settings.level, passes_on=settings.passes_all)
        self._output = Output(sink, context, clock, self._loggers)
        #: Whether the runtime's own error output is to be kept back.
        self.silences_errors = "errors" in settings.capture and not settings.passes_all

    def start(self) -> None:
        """Capture from now on."""
        settings = self._settings
        self.attach()
        if "descriptors" in settings.capture:
            below = partial(self._output.below, settings.capture, passthrough=settings.passes_all)
            attempt("descriptors", below)
        for name in ("stdout", "stderr"):
            if name in settings.capture and getattr(sys, name) is not None:
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
        if "stderr" in settings.capture:
            self._output.hook_reports()

    def change(self, settings: Settings) -> None:
        """Other level and passthrough from now on; what is captured stays."""
        self._settings = settings.replace(capture=self._settings.capture)
        self.silences_errors = "errors" in self._settings.capture and not settings.passes_all
        if self._loggers is not None:
            self._loggers.change(settings.level, passes_on=settings.passes_all)
        self._output.change(passthrough=settings.passes_all, metrics=settings.passes_metrics)

    def attach(self) -> None:
        """Take records where loggers hand them on, also where logging was loaded anew."""
        if self._loggers is not None:
            self._loggers.hook()

    def runtime_error(self, report: dict[str, Any], error: BaseException | None) -> None:
        """The runtime client reports an error of the handler, or of its import."""
        if "errors" in self._settings.capture:
            self._output.error(
                str(report.get("errorType") or "Error"),
                str(report.get("errorMessage") or ""),
                [str(entry) for entry in report.get("stackTrace") or []],
                "awslambdaric",
                error,
            )

    def context_log(self, text: str) -> None:
        """The function has called ``context.log``."""
        self._output.text(text.rstrip("\r\n"), "context.log")

    def quietly(self, action: Any) -> Any:
        """Do something whose output is already captured in a better form."""
        return self._output.quietly(action)

    def look(self) -> float | None:
        """Read descriptors; seconds until the next look, None where they are not captured."""
        return self._output.look()

    def leave_descriptors(self) -> None:
        """Put descriptors back as they were, before the interpreter ends."""
        self._output.leave_descriptors()

    def leave_streams(self) -> None:
        """What finalizers print from now on comes too late for a line, and goes where it went."""
        if self._settings.passes_all:
            self._output.leave_streams()

    def complete(self) -> None:
        """What was printed without a line end, and what is still being handled, is a line now."""
        if self._loggers is not None:
            self._loggers.complete()
        self._output.complete()
