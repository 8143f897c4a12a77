"""Standard output and error: what is written to them, as text and as bytes, by whom."""

from __future__ import annotations

import logging
import sys
from collections import deque

from firehose_logging import _threads
from firehose_logging._bundle import have
from firehose_logging._diagnostics import tell
from firehose_logging._line import printed
from firehose_logging._line.foreign import is_its_own
from firehose_logging._natives import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

    from firehose_logging._capture.captured_buffer import CapturedBuffer
    from firehose_logging._capture.handling import Handling
    from firehose_logging._capture.output import Output

#: Longest piece of output without a line end that is kept waiting for it, in characters.
MAX_PARTIAL = 65_536

# Bound here: it is asked for each print.
_getframe = sys._getframe  # noqa: SLF001 - who writes

#: Most functions that are remembered as none of the runtime client's; a program has few that print.
MAX_FUNCTIONS = 1_000

_EMIT = logging.StreamHandler.emit.__code__
_WARNINGS = ("warnings", "_py_warnings")  # the second is its name from Python 3.14 on

#: Where a write comes from: the function; one of its warnings; what is captured in a better form,
#: and so is passed on and no line; what a handler prints of a record that we have, and so is kept
#: back with it.
_USER, _WARNING, _APART, _ECHO = 0, 1, 2, 3


class CapturedStream:
    """Behaves like the stream it stands for and lets the capture see what is written."""

    def __init__(
        self, stream: Any, name: str, output: Output, *, passthrough: bool, metrics: bool = False
    ) -> None:
        self._stream = stream
        self._writer = writer = StreamWriter(stream, name, output)
        writer.change(passthrough=passthrough, metrics=metrics)
        self.write: Callable[[str], Any] = writer.write
        #: Other passthrough from now on; arguments as of the constructor.
        self.change = writer.change
        self._buffer: CapturedBuffer | None = None
        flush = getattr(stream, "flush", None)
        if flush is not None:
            self.flush: Callable[[], Any] = flush  # the runtime client flushes after each write

    def cover(self) -> None:
        """See what is written to the stream itself, too, by those who already hold it.

        Loguru, and handlers of ``logging``, keep the stream that they found when they were set up.
        """
        try:
            self._stream.write = self.write
        except (AttributeError, TypeError):  # a stream without attributes of its own
            return

    def uncover(self) -> None:
        """Nobody sees any more what is written to the stream itself; the interpreter ends.

        A stream that leads back to us stands in a circle, which nobody takes apart then: what
        finalizers print, after the last flush of all streams, would stay in its buffer.
        """
        if self._buffer is not None:
            _uncover(self._stream.buffer, self._buffer.write)
        _uncover(self._stream, self.write)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)

    @property
    def buffer(self) -> Any:
        """The stream of bytes below; from now on what is written to it is seen, too."""
        buffer = self._stream.buffer
        if self._buffer is None:
            have("_capture.captured_buffer")
            from firehose_logging._capture.captured_buffer import CapturedBuffer

            captured = CapturedBuffer(buffer, self._writer)
            if captured.cover():
                self._buffer = captured
                self._writer.wrap(captured.passing)
                self.flush = captured.passing(self._stream.flush)
        return buffer

    def detach(self) -> Any:
        """The stream of bytes below, for a new text layer over it."""
        buffer = self.buffer
        self.flush()
        self._stream.detach()
        return buffer

    def writelines(self, lines: Any) -> None:
        """Write each of ``lines``."""
        for line in lines:
            self.write(line)

    def complete(self) -> None:
        """Make lines of whatever waits, for a line end or for a stack."""
        self._writer.show_late()
        if self._buffer is not None:
            self._buffer.complete()
        self._writer.complete()

    def __repr__(self) -> str:
        return f"<CapturedStream of {self._stream!r}>"


class StreamWriter:
    """Writes to a stream, and makes lines of what the function writes.

    Apart from ``CapturedStream``: where a class gives away what it has not, CPython takes ten times
    as long for each attribute that it has.

    Args:
        stream: what is written to.
        name: its name.
        output: makes the lines.
    """

    def __init__(self, stream: Any, name: str, output: Output) -> None:
        self._below: Callable[[str], Any] = stream.write
        self._name = name
        self._output = output
        self._passthrough = self._metrics = False
        # Threads that have passed metrics on whose line end is still to come.
        self._after_metrics: set[int] = set()
        # Warnings are shown there; the runtime client prints records that are not taken.
        self._looks = name == "stderr" or output.loggers is None
        self._printed_in = output.printed_in
        # What writes there and is neither, once it was looked at.
        # By id: code that says the same is equal, and takes long to be hashed.
        self._functions: dict[int, CodeType] = {}
        # What is gone past to see who writes: the runtime client's own stream wrapper.
        self._wrapper: CodeType | None = None
        # What each thread has written since its last line end, by thread ident.
        self._partial: dict[int, str] = {}
        # Texts for which there was no stack left; they become lines when the invocation ends.
        self._late: deque[tuple[str, int]] = deque()

    def change(self, *, passthrough: bool, metrics: bool) -> None:
        """Other passthrough from now on.

        Args:
            passthrough: whether what is written goes on to the stream.
            metrics: whether at least lines of embedded metrics do.
        """
        self._passthrough, self._metrics = passthrough, metrics

    def wrap(self, around: Callable[[Callable[[str], Any]], Callable[[str], Any]]) -> None:
        """Write to the stream by what ``around`` makes of the way so far."""
        self._below = around(self._below)

    def write(self, text: str) -> Any:
        """Write to the stream, then show the text to the capture."""
        output = self._output
        if type(text) is not str or output.apart or _threads.calling:
            return self._write(text, _getframe(1))
        ident = get_ident()
        partial = self._partial
        # The end of a print's line is whose its beginning was.
        ends = text == "\n" and ident in partial
        if not ends:
            frame = _getframe(1)
            code = frame.f_code
            if code is self._wrapper or (code.co_name == "write" and self._is_wrapped_by(code)):
                frame = frame.f_back or frame
            code = frame.f_code
            if output.open or code is _EMIT or (self._looks and id(code) not in self._functions):
                printed_in = self._printed_in
                handling = None if partial else printed_in(frame, ident)
                if handling is None or not (handling.is_taken and self._passthrough):
                    return self._write(text, _getframe(1))
                if text.startswith("{"):
                    handling.echo(text)
                below = self._below
                return below(text)
        passes = self._passthrough
        if not passes and (self._after_metrics or '"_aws"' in text):
            return self._write(text, _getframe(1))
        below = self._below  # not a method: called as one it would take twice as long
        written = below(text) if passes else len(text)
        try:
            if ends:
                text = partial.pop(ident, "") + text
                self._line(text)
            else:
                self.take(text, ident)
        except RecursionError:
            self._late.append((text, _USER))  # the function's stack is used up
        except Exception as error:  # the capture must not break a print
            if not is_its_own(error):
                raise
        return written

    def _is_wrapped_by(self, code: CodeType) -> bool:
        """The runtime client's own stream wrapper writes here: know it."""
        self._wrapper = code
        return True

    def _write(self, text: Any, frame: FrameType | None) -> Any:
        """The same for whatever may be no print: a handler's, a warning, a report."""
        if frame is not None and frame.f_code.co_name == "write":
            frame = frame.f_back
        origin = self._origin(text, frame)
        passed_on = self._passthrough or origin == _APART or self._is_metrics(text)
        written = self._below(text) if passed_on else len(text)
        if origin <= _WARNING:
            try:
                self._show(text, origin)
            except RecursionError:
                self._late.append((text, origin))
        return written

    def _is_metrics(self, text: str) -> bool:
        """Whether a text is passed on because CloudWatch makes metrics of it."""
        ident = get_ident()
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

    def _origin(self, text: Any, frame: FrameType | None) -> int:
        ident = get_ident()
        output = self._output
        if ident in output.apart:
            report = output.apart[ident]
            if report is not None and isinstance(text, str):
                report.append(text)
            # A report is a line like another: it is kept back where lines are.
            return _APART if report is None else _ECHO
        if ident in _threads.calling or not isinstance(text, str):
            return _APART
        if output.open:
            if text.isspace() and ident in self._partial:
                return _USER  # the line end of a print, even inside of a handler
            handling = output.behind(text, frame)
            if handling is not None:
                return _echo(handling, text)
        if frame is not None and frame.f_code is _EMIT:
            # A handler behind a queue, on a thread of its own.
            return _ECHO if output.was_taken(frame.f_locals.get("record")) else _USER
        if self._looks:
            module = str(_writes(frame))
            if module in _WARNINGS:
                return _WARNING
            if module.startswith("awslambdaric"):
                return _APART
            if (
                frame is not None
                and frame.f_code.co_name not in ("write", "writelines")
                and len(self._functions) < MAX_FUNCTIONS
            ):
                self._functions[id(frame.f_code)] = frame.f_code
        return _USER

    def _show(self, text: Any, origin: int) -> None:
        try:
            if origin == _WARNING:
                self._output.text(text.rstrip("\n"), "py.warnings", "WARNING")
                return
            if type(text) is not str:
                record = getattr(text, "record", None)
                text = str.__str__(text)  # without the methods of a subclass, as loguru writes
                if (
                    type(record) is dict
                    and "level" in record
                    and (text[:1] != "{" or record.get("exception") is not None)
                ):
                    self._output.record(record, text.rstrip("\n"), self._name)
                    return
            self.take(text, get_ident())
        except RecursionError:
            raise
        except Exception as error:  # the capture must not break a print
            if not is_its_own(error):
                raise

    def take(self, text: str, key: int) -> None:
        """Make lines of what was written: by a thread, or as bytes under a key of their own."""
        partial = self._partial
        if partial:
            text = partial.pop(key, "") + text
        if not text:
            return
        if text[-1] != "\n" and len(text) < MAX_PARTIAL:
            # What is written over on a terminal, a progress bar, is no line.
            partial[key] = text.rpartition("\r")[2] if "\r" in text[:-1] else text
            return
        self._line(text)

    def _line(self, text: str) -> None:
        """Make a line of whole output, with or without its end."""
        text = text.rstrip("\r\n")
        if "\r" in text:
            text = "\n".join(line.rpartition("\r")[2] for line in text.split("\n"))
        if text and not text.isspace():
            try:
                self._output.text(text, self._name)
            except RecursionError:
                # What came before this piece is in here, and nowhere else any more.
                self._late.append((f"{text}\n", _USER))

    def origin_of_bytes(self, text: str, frame: FrameType) -> bool:
        """Whether bytes are output of the function's own, and no record that a handler prints."""
        return self._origin(text, frame) == _USER

    @property
    def passes_on(self) -> bool:
        """Whether what is written goes on to where it went without us."""
        return self._passthrough

    def show_late(self) -> None:
        """Make lines of what waits for a stack; what finds none now either waits on."""
        for _ in range(len(self._late)):
            self._show(*self._late.popleft())

    def complete(self) -> None:
        """Make lines of whatever waits for a line end."""
        for key in list(self._partial):
            text = self._partial.pop(key, "")
            if text and not text.isspace():
                self._output.text(text, self._name)


def _echo(handling: Handling, text: str) -> int:
    """Whose a write is that is the printed form of this record."""
    if not handling.is_taken:
        return _APART
    handling.echo(text)
    return _ECHO


def _writes(frame: FrameType | None) -> object:
    """The module that writes, past stream wrappers such as the runtime client's own."""
    while frame is not None and frame.f_code.co_name in ("write", "writelines"):
        frame = frame.f_back
    return None if frame is None else frame.f_globals.get("__name__")


def _uncover(stream: Any, write: Callable[..., Any]) -> None:
    """Take ``write`` off a stream, unless somebody has put another in its place since."""
    own = getattr(stream, "__dict__", {})
    if own.get("write") == write:
        del own["write"]
