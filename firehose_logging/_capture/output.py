"""What the function says without ``logging``: print, stderr, warnings, uncaught errors.

Everything a stream is given still goes where it went before (unless passthrough is off); the
capture comes after and never raises.
"""

from __future__ import annotations

import logging
import sys
import threading

from firehose_logging import _threads
from firehose_logging._bundle import have
from firehose_logging._capture.streams import CapturedStream
from firehose_logging._line import line as _line
from firehose_logging._line.foreign import is_its_own, text_of
from firehose_logging._line.json_text import quote
from firehose_logging._line.printed import read
from firehose_logging._natives import get_ident
from firehose_logging._reasons import BUFFER_FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import FrameType, TracebackType
    from typing import Any

    from firehose_logging._capture.descriptors import Descriptors
    from firehose_logging._capture.handling import Handling, Loggers
    from firehose_logging._capture.sink import Sink
    from firehose_logging._clock import Clock
    from firehose_logging._line.context import Context


#: Seconds between two looks at descriptors while an invocation runs.
LOOK = 0.25


class Output:
    """Builds lines of output and errors and hands them to the sink.

    Args:
        sink: takes the lines.
        context: the columns of environment and invocation.
        clock: the clock seam.
        loggers: takes the records of loggers; what handlers print of them is no line of its own.
            None when logging is not captured.
    """

    def __init__(
        self, sink: Sink, context: Context, clock: Clock, loggers: Loggers | None = None
    ) -> None:
        self._sink = sink
        self._context = context
        self._epoch = clock.epoch
        #: What takes records where their loggers hand them on.
        self.loggers = loggers
        self._streams: list[CapturedStream] = []
        self._descriptors: Descriptors | None = None
        #: By thread: what is being reported and becomes one line, or None where what is written
        #: is captured in a better form.
        self.apart: dict[int, list[str] | None] = {}
        #: As of ``Loggers``: the record that a handler prints; None for all that is not captured.
        self.behind: Callable[[str, FrameType | None], Handling | None] = _nobodys
        self.printed_in: Callable[[FrameType, int], Handling | None] = _nobodys
        if loggers is not None:
            self.behind, self.printed_in = loggers.behind, loggers.printed_in
        #: Records that handlers see now.
        self.open: dict[int, Handling] = sink.open

    def below(self, past: Collection[str], *, passthrough: bool) -> None:
        """Capture what native code and child processes write to descriptors 1 and 2.

        Args:
            past: what is captured besides: streams over them that are go past.
            passthrough: whether everything still goes where it went before.
        """
        from firehose_logging._capture.descriptors import Descriptors, available

        if not available():
            raise OSError("descriptors can be captured on Linux only")
        found = Descriptors(self.text, self._lose, passthrough=passthrough)
        found.start()
        for number, name in ((1, "stdout"), (2, "stderr")):
            if name in past:
                setattr(sys, name, found.text(number, getattr(sys, name)))
        self._descriptors = found

    def leave_descriptors(self) -> None:
        """Put descriptors back as they were, before the interpreter ends."""
        if self._descriptors is not None:
            self._descriptors.close()

    def leave_streams(self) -> None:
        """See no more what is written to the streams below, and let go of them: the end is near."""
        while self._streams:
            self._streams.pop().uncover()

    def _lose(self, lines: int) -> None:
        self._sink.lose(BUFFER_FULL, lines)

    def look(self) -> float | None:
        """Read descriptors; seconds until the next look, None where they are not captured."""
        if self._descriptors is None:
            return None
        self._descriptors.read()
        return LOOK

    def stream(
        self, stream: Any, name: str, *, passthrough: bool, metrics: bool = False
    ) -> CapturedStream:
        """A stand-in for ``sys.stdout`` or ``sys.stderr``.

        Args:
            stream: what it stands for.
            name: its name, the ``logger`` of its lines.
            passthrough: whether what is written still goes there.
            metrics: whether at least lines of embedded metrics do.
        """
        captured = CapturedStream(stream, name, self, passthrough=passthrough, metrics=metrics)
        self._streams.append(captured)
        return captured

    def change(self, *, passthrough: bool, metrics: bool) -> None:
        """Other passthrough from now on; arguments as of ``stream``."""
        for stream in self._streams:
            stream.change(passthrough=passthrough, metrics=metrics)
        if self._descriptors is not None:
            self._descriptors.change(passthrough=passthrough)

    def was_taken(self, record: object) -> bool:
        """Whether a record that a handler prints has become a line already."""
        return self.loggers is not None and self.loggers.was_taken(record)

    # -- lines --------------------------------------------------------------------------------

    def text(self, text: str, logger: str, level: str = "INFO") -> None:
        """A line of output; one that is a JSON object is read as one."""
        found = read(text) if text.startswith("{") else None
        if found is None:
            epoch = self._epoch
            now = epoch()
            head = self._context.start(now, level, logger)
            if head is None:
                head = _line.named_start(now, level, logger, self._context.columns)
            body = f'{head},"message":{quote(text)}'
            if len(body) <= _line.SURELY_FITS and not self._sink.redacts:
                self._sink.give([body])  # as ``line``, without its calls
            else:
                self._sink.line(head, text)
            return
        level, logger = found.level or level, found.logger or logger
        head = _line.named_start(self._epoch(), level, logger, self._context.columns)
        schema = self._context.schema
        extras = schema.extras(tuple(found.extras), tuple(found.extras.values()))
        if found.has_message:
            self._sink.line(head, schema.message(found.message), extras)
        else:
            self._sink.members(head, extras)

    def record(self, record: dict[str, Any], text: str, name: str) -> None:
        """A line that loguru prints: its text comes with what loguru knows of it."""
        error = record.get("exception")
        tail = ""
        if error is not None and error.type is not None:
            have("_line.exception")
            from firehose_logging._line.exception import error_members

            tail = error_members(error.type, error.value, error.traceback)
        extra = record.get("extra") or {}
        found = read(text) if text[:1] == "{" else None
        if found is not None:  # serialized: all of it but the text, of which the columns are made
            extra = {key: value for key, value in found.extras.items() if key != "text"}
        tail += self._context.schema.extras(tuple(extra), tuple(extra.values()))
        level, logger = str(record["level"].name), str(record.get("name") or name)
        at, columns = record["time"].timestamp(), self._context.columns
        head = _line.named_start(at, level, logger, columns)
        self._sink.line(head, str(record.get("message", text)), tail)

    def error(
        self,
        name: str,
        message: str,
        trace: list[str],
        logger: str,
        error: BaseException | None = None,
    ) -> None:
        """An error that the runtime client reported, in its own words.

        Args:
            name: the exception's type.
            message: its text.
            trace: its frames.
            logger: the ``logger`` column.
            error: itself, where it is known: causes and notes are told, too.
        """
        have("_line.exception")
        from firehose_logging._line.exception import error_members, has_more_to_tell, location_of

        head = _line.start(_line.timestamp(self._epoch()), "function", "ERROR", logger)
        if error is not None and has_more_to_tell(error):
            tail = error_members(type(error), error, _of_the_function(error.__traceback__))
        else:
            tail = (
                f',"errorType":{quote(name)},"errorMessage":{quote(message)}'
                f',"stackTrace":[{",".join(quote(t.rstrip()) for t in trace)}]'
            )
        location = location_of(trace)
        if location:
            tail += f',"location":{quote(location)}'
        text = f"{name}: {message}" if name else message
        self._sink.line(head + self._context.columns, text, tail)

    def exception(
        self,
        kind: type[BaseException],
        error: BaseException | None,
        trace: TracebackType | None,
        where: str,
    ) -> None:
        """An exception that nobody caught, outside the handler.

        Args:
            kind: its class.
            error: itself; None where only the class is known.
            trace: where it came up; None where nobody knows.
            where: the hook that saw it, the ``logger`` column.
        """
        have("_line.exception")
        from firehose_logging._line.exception import error_members

        head = _line.start(_line.timestamp(self._epoch()), "function", "ERROR", where)
        tail = error_members(kind, error, trace)
        self._sink.line(head + self._context.columns, f"{kind.__name__}: {text_of(error)}", tail)

    def complete(self) -> None:
        """The invocation is over: what was printed without a line end is a line now."""
        for stream in self._streams:
            stream.complete()
        if self._descriptors is not None:
            self._descriptors.read(complete=True)

    # -- reports ------------------------------------------------------------------------------

    def hook_exceptions(self) -> None:
        """Capture what the hooks for uncaught exceptions see, then call them."""
        sys_hook, thread_hook = sys.excepthook, threading.excepthook
        unraisable_hook = sys.unraisablehook

        def excepthook(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            self._guarded(lambda: self.exception(kind, error, trace, "sys.excepthook"))
            self.quietly(lambda: sys_hook(kind, error, trace))

        def thread_excepthook(args: threading.ExceptHookArgs) -> None:
            if args.exc_type is not SystemExit and not _threads.is_own():
                self._guarded(
                    lambda: self.exception(
                        args.exc_type, args.exc_value, args.exc_traceback, "threading.excepthook"
                    )
                )
            self.quietly(lambda: thread_hook(args))

        def unraisablehook(args: Any) -> None:
            self._guarded(
                lambda: self.exception(
                    args.exc_type, args.exc_value, args.exc_traceback, "sys.unraisablehook"
                )
            )
            self.quietly(lambda: unraisable_hook(args))

        # A hook of the function's may call the original instead of its predecessor, and libraries
        # ask whether the two are one (exceptiongroup does).
        if sys_hook is sys.__excepthook__:
            sys.__excepthook__ = excepthook
        if thread_hook is threading.__excepthook__:
            threading.__excepthook__ = thread_excepthook
        if unraisable_hook is sys.__unraisablehook__:
            sys.__unraisablehook__ = unraisablehook
        sys.excepthook = excepthook
        threading.excepthook = thread_excepthook
        sys.unraisablehook = unraisablehook

    def hook_reports(self) -> None:
        """Have a report of ``logging`` about a handler that failed be one line."""
        theirs = logging.Handler.handleError

        def handleError(handler: logging.Handler, record: logging.LogRecord) -> None:  # noqa: N802
            ident = get_ident()
            if ident in self.apart:
                theirs(handler, record)
                return
            report: list[str] = []
            self.apart[ident] = report
            try:
                theirs(handler, record)
            finally:
                self.apart.pop(ident, None)
                if report:
                    text = "".join(report).rstrip("\n")
                    self._guarded(lambda: self.text(text, "logging", "ERROR"))

        logging.Handler.handleError = handleError  # type: ignore[method-assign, assignment]

    @staticmethod
    def _guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # reporting an error must not become another
            if not is_its_own(error):
                raise

    def quietly(self, action: Callable[[], Any]) -> Any:
        """Do something whose output is already captured in a better form."""
        ident = get_ident()
        before = self.apart.get(ident, _NOTHING)
        self.apart[ident] = None
        try:
            return action()
        finally:
            if before is _NOTHING:
                self.apart.pop(ident, None)
            else:
                self.apart[ident] = before


_NOTHING: Any = object()


def _nobodys(*args: object) -> None:
    del args


def _of_the_function(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the runtime client's own frames, which come first."""
    found = trace
    while found is not None and "/bootstrap.py" in found.tb_frame.f_code.co_filename:
        found = found.tb_next
    return found or trace
