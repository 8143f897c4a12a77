"""What the function says without ``logging``: print, stderr, warnings, uncaught errors.

Everything a stream is given still goes where it went before (unless passthrough is off); the
capture comes after and never raises.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from firehose_logging import _threads
from firehose_logging._diagnostics import tell
from firehose_logging._line import line as _line
from firehose_logging._line import printed
from firehose_logging._line.exception import error_members, location_of
from firehose_logging._line.foreign import text_of
from firehose_logging._line.json_text import quote
from firehose_logging.errors import BUFFER_FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import FrameType, TracebackType
    from typing import Any

    from firehose_logging._capture.descriptors import Descriptors
    from firehose_logging._capture.sink import Sink
    from firehose_logging._clock import Clock
    from firehose_logging._line.context import Context

#: Longest piece of output without a line end that is kept waiting for it, in characters.
MAX_PARTIAL = 65_536

#: Seconds between two looks at descriptors while an invocation runs.
LOOK = 0.25

#: How far up the stack we look for the log call behind a write.
_MAX_FRAMES = 60

_CALL_HANDLERS = logging.Logger.callHandlers.__code__
_HANDLE = logging.Handler.handle.__code__
_WARNINGS = ("warnings", "_py_warnings")  # the second is its name from Python 3.14 on


class Capture:
    """Builds lines of output and errors and hands them to the sink.

    Args:
        sink: takes the lines.
        handler: takes the records that our handler on the root logger sends, so that a record which
            another handler also prints is not sent twice; None when logging is not captured.
    """

    def __init__(
        self, sink: Sink, context: Context, clock: Clock, handler: logging.Handler | None = None
    ) -> None:
        self._sink = sink
        self._context = context
        self._clock = clock
        self.handler = handler
        self._quiet = threading.local()
        self._streams: list[CapturedStream] = []
        self._descriptors: Descriptors | None = None

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

    def text(self, text: str, logger: str, level: str = "INFO") -> None:
        """A line of output; one that is a JSON object is the line that it says."""
        found = printed.read(text) if text.startswith("{") else None
        if found is not None:
            level, logger = found.level or level, found.logger or logger
        head = _line.start(_line.timestamp(self._clock.epoch()), "function", level, logger)
        head += self._context.columns
        if found is None:
            self._sink.line(head, text, "")
            return
        schema = self._context.schema
        extras = schema.extras(tuple(found.extras), tuple(found.extras.values()))
        if found.has_message:
            self._sink.line(head, schema.message(found.message), extras)
        else:
            self._sink.members(head, extras)

    def error(self, name: str, message: str, trace: list[str], logger: str) -> None:
        """An error that the runtime client reported, in its own words."""
        head = _line.start(_line.timestamp(self._clock.epoch()), "function", "ERROR", logger)
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
        """An exception that nobody caught, outside the handler."""
        head = _line.start(_line.timestamp(self._clock.epoch()), "function", "ERROR", where)
        tail = error_members(kind, error, trace)
        self._sink.line(head + self._context.columns, f"{kind.__name__}: {text_of(error)}", tail)

    def complete(self) -> None:
        """The invocation is over: what was printed without a line end is a line now."""
        for stream in self._streams:
            stream.complete()
        if self._descriptors is not None:
            self._descriptors.read(complete=True)

    # -- uncaught errors outside the handler -------------------------------------------------

    def hook_exceptions(self) -> None:
        """Capture what ``sys.excepthook`` and ``threading.excepthook`` see, then call them."""
        sys_hook, thread_hook = sys.excepthook, threading.excepthook

        def excepthook(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            self._guarded(lambda: self.exception(kind, error, trace, "sys.excepthook"))
            self._silently(lambda: sys_hook(kind, error, trace))

        def thread_excepthook(args: threading.ExceptHookArgs) -> None:
            if args.exc_type is not SystemExit and not _threads.is_own():
                self._guarded(
                    lambda: self.exception(
                        args.exc_type, args.exc_value, args.exc_traceback, "threading.excepthook"
                    )
                )
            self._silently(lambda: thread_hook(args))

        sys.excepthook = excepthook
        threading.excepthook = thread_excepthook

    @staticmethod
    def _guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 - reporting an error must not become another
            return

    def _silently(self, action: Callable[[], object]) -> None:
        """Do something whose output is already captured in a better form."""
        self._quiet.on = True
        try:
            action()
        finally:
            self._quiet.on = False

    @property
    def quiet(self) -> bool:
        """Whether this thread's output is already captured."""
        return getattr(self._quiet, "on", False)

    def taken(self, record: logging.LogRecord, logger: logging.Logger) -> bool:
        """Whether our own handler sends this record, so that its printed form is an echo."""
        handler = self.handler
        if handler is None:
            return False
        at: logging.Logger | None = logger
        while at is not None:
            if handler in at.handlers:
                return record.levelno >= handler.level and bool(handler.filter(record))
            at = at.parent if at.propagate else None
        return False


class CapturedStream:
    """Behaves like the stream it stands for and lets the capture see what is written."""

    def __init__(
        self, stream: Any, name: str, capture: Capture, *, passthrough: bool, metrics: bool = False
    ) -> None:
        self._stream = stream
        self._below: Callable[[str], Any] | None = None
        self._name = name
        self._capture = capture
        self._passthrough = passthrough
        self._metrics = metrics
        # Threads that have passed metrics on whose line end is still to come.
        self._after_metrics: set[int] = set()
        # What each thread has written since its last line end, by thread ident.
        self._partial: dict[int, str] = {}

    def cover(self) -> None:
        """See what is written to the stream itself, too, by those who already hold it.

        Loguru, and handlers of ``logging``, keep the stream that they found when they were set up.
        """
        below = self._stream.write
        try:
            self._stream.write = self.write
        except (AttributeError, TypeError):  # a stream without attributes of its own
            return
        self._below = below

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def write(self, text: str) -> Any:
        """Write to the stream, then show the text to the capture."""
        origin, level, shown = _USER, "INFO", text
        try:
            if self._capture.quiet or _threads.is_calling() or not isinstance(text, str):
                origin = _RUNTIME  # written on as it is
            else:
                shown = str.__str__(text)  # without the methods of a subclass, as loguru writes
                origin, level = self._origin(shown)
        except Exception:  # noqa: BLE001 - looking at the stack must not break a print
            origin = _USER
        passed_on = self._passthrough or origin is _RUNTIME or self._is_metrics(shown)
        written = (self._below or self._stream.write)(text) if passed_on else len(text)
        if origin is not _RUNTIME and origin is not _ECHO:
            try:
                self._take(shown, origin, level)
            except Exception:  # noqa: BLE001 - nor must the capture
                return written
        return written

    def _is_metrics(self, text: str) -> bool:
        """Whether a text is passed on because CloudWatch makes metrics of it."""
        ident = threading.get_ident()
        if ident in self._after_metrics:
            self._after_metrics.discard(ident)
            if text == "\n":  # which print writes by itself
                return True
        if not printed.holds_metrics(text):
            return False
        if not self._metrics:
            tell(
                "embedded metrics were printed, and are kept from CloudWatch with all other "
                "output; set FIREHOSE_LOGGING_PASSTHROUGH=metrics to let them through",
                code="metrics_withheld",
                once="metrics",
            )
            return False
        if not text.endswith("\n"):
            self._after_metrics.add(ident)
        return True

    def writelines(self, lines: Any) -> None:
        """Write each of ``lines``."""
        for line in lines:
            self.write(line)

    def _origin(self, text: str) -> tuple[str, str]:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to see who writes
        # Past stream wrappers such as the runtime client's own.
        while frame is not None and frame.f_code.co_name in ("write", "writelines"):
            frame = frame.f_back
        if frame is None:
            return _USER, "INFO"
        module = _module(frame)
        if module.startswith("awslambdaric"):
            # The runtime client printing log lines and errors because it was given no log
            # descriptor. Those are captured where they are made.
            return _RUNTIME, "INFO"
        if module in _WARNINGS:
            return "py.warnings", "WARNING"
        if not text.strip() and threading.get_ident() in self._partial:
            return _USER, "INFO"  # the line end of a print, even inside of a handler
        for _ in range(_MAX_FRAMES):
            if frame is None:
                break
            direct = frame.f_code is _CALL_HANDLERS
            if direct or frame.f_code is _HANDLE:
                record = frame.f_locals["record"]
                # Behind a queue the logger is not on the stack, and a record may have come from
                # another process, whose logging we have not seen.
                if direct or record.process == os.getpid():
                    logger = frame.f_locals["self"] if direct else logging.getLogger(record.name)
                    if _echoes(text, record) and self._capture.taken(record, logger):
                        return _ECHO, "INFO"
                if direct:
                    break
            frame = frame.f_back
        return _USER, "INFO"

    def _take(self, text: str, origin: str, level: str) -> None:
        if origin == "py.warnings":
            self._capture.text(text.rstrip("\n"), origin, level)
            return
        ident = threading.get_ident()
        text = self._partial.pop(ident, "") + text
        if not text.endswith("\n") and len(text) < MAX_PARTIAL:
            self._partial[ident] = text
        elif text.strip():
            self._capture.text(text.rstrip("\r\n"), self._name)

    def complete(self) -> None:
        """Make lines of whatever waits for a line end."""
        for ident in list(self._partial):
            text = self._partial.pop(ident, "")
            if text.strip():
                self._capture.text(text, self._name)

    def __repr__(self) -> str:
        return f"<CapturedStream of {self._stream!r}>"


#: Where a write comes from; the fourth origin is ``py.warnings``.
_USER, _RUNTIME, _ECHO = "user", "runtime", "echo"


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _echoes(text: str, record: logging.LogRecord) -> bool:
    """Whether ``text`` is the record in another handler's format.

    Its first letters are looked for, up to what a formatter may have escaped; a print inside a
    handler that has nothing to do with the record is none.
    """
    if not text.strip():
        return True
    try:
        message = record.getMessage().lstrip()
    except Exception:  # noqa: BLE001 - the user's arguments
        return False
    end = 0
    while end < min(len(message), 32) and (message[end].isalnum() or message[end] == " "):
        end += 1
    return message[:end] in text
