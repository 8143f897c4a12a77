"""One record while its handlers see it, and every record taken where its logger hands it on."""

from __future__ import annotations

import logging
import os
import sys

from firehose_logging._line.foreign import is_its_own
from firehose_logging._line.printed import read
from firehose_logging._natives import get_ident
from firehose_logging._threads import calling, is_about_us, own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

    from firehose_logging._capture.records import Records

#: Most frames between a write and the logger behind it.
_MAX_FRAMES = 100

#: Functions that make a record's text: what is printed inside of them is a print.
_MAKES_TEXT = frozenset(
    {"filter", "format", "formatException", "formatMessage", "formatStack", "formatTime"}
    | {"getMessage", "__format__", "__repr__", "__str__", "usesTime"}
)
#: How often a record is tried that takes more stack than there is.
_MAX_TRIES = 3

_FILE = logging.Handler.handle.__code__.co_filename
#: Where ``Logger.callHandlers`` calls a handler, on every Python: the line, counted from its first,
#: and the columns.
_CALL = (16, 20, 39)


class Handling:
    """A record from when its logger hands it on until the last handler has seen it.

    What formatters and handlers change on a record that others have changed before is kept from
    when it was new: its level, and the error that it is about.
    """

    # ``Loggers.begin`` makes it, and sets what each log call asks for: an ``__init__`` would take
    # as long again, and what stands in a class takes ten times as long to be read.
    record: logging.LogRecord
    levelname: str
    levelno: int
    exc_info: Any
    stack_info: str | None
    #: Whether it becomes a line; what the runtime client prints of it is none in either case.
    is_taken: bool
    #: What a handler printed of it last, where that may be one JSON object.
    printed: str
    #: Whether all handlers have seen it, and whether a thread makes a line of it just now.
    is_over = False
    is_sent: bool
    #: What it is delivered as and not handed on yet; None before it is encoded.
    bodies: list[str] | None
    #: How often there was no stack to encode it.
    tries = 0
    #: The ``message`` column, where a formatter on a handler of ours made it.
    message: str | None

    def echo(self, text: str) -> None:
        """A handler has printed the record."""
        if text.startswith("{"):
            self.printed = text

    def formatted(self, message: str) -> None:
        """A formatter on a handler of ours has made the ``message`` column."""
        self.message = message

    def is_in(self, text: str) -> bool:
        """Whether ``text`` shows the record, however it is wrapped, coloured or escaped."""
        record = self.record
        message = record.__dict__.get("message")
        if type(message) is not str:
            # Nothing of the function's is asked here, inside of a write.
            message = record.msg if type(record.msg) is str else ""
            if record.args:
                message = " ".join(word for word in message.split() if "%" not in word)
        words = message.split()
        if not words:
            return False
        found = read(text)
        if found is not None:
            text = f"{found.message} {list(found.extras.values())}"
        return all(word in text for word in words)


class Loggers:
    """Takes every record where its logger hands it on, whatever handlers there are.

    Args:
        records: encodes what is taken.
        level: lowest level that is taken; 0 leaves the decision to the loggers.
        passes_on: False keeps what is taken from the runtime client's own handlers.
    """

    def __init__(self, records: Records, level: int, *, passes_on: bool) -> None:
        self._records = records
        self._level = level
        self._passes_on = passes_on
        #: Records that handlers see now, by the id of the record.
        self.open = records.open
        self._sink = records.sink
        # Whether there may be records whose sending an exception has broken off: the stack was
        # used up, or a signal came in between.
        self._interrupted = False
        # What the runtime client prints a record with, and what calls that, once they were seen.
        self._printers: tuple[CodeType | None, CodeType | None] = (None, None)
        #: Classes of handlers that get nothing, as far as they were seen.
        self.kept_back_kinds: set[type[logging.Handler]] = set()
        self._function: Callable[..., None] | None = None
        self._theirs: Callable[..., None] = logging.Logger.callHandlers

    def hook(self) -> None:
        """Be called for each record from now on; again where ``logging`` was loaded anew."""
        if logging.Logger.callHandlers is not self._function:
            self._theirs = logging.Logger.callHandlers
            self._function = _call_handlers(self, self._theirs)
            logging.Logger.callHandlers = self._function  # type: ignore[method-assign]

    def change(self, level: int, *, passes_on: bool) -> None:
        """Other level and passthrough from now on; arguments as of ``Loggers``."""
        self._level, self._passes_on = level, passes_on
        self.kept_back_kinds.clear()
        if logging.Logger.callHandlers is self._function:
            self._function = _call_handlers(self, self._theirs)
            logging.Logger.callHandlers = self._function  # type: ignore[method-assign]

    def begin(self, record: logging.LogRecord) -> Handling | None:
        """A logger hands a record on; None when it is not ours to take."""
        key = id(record)
        if key in self.open:
            return None
        handling = Handling()
        if record.levelno < self._level:
            handling.is_taken = False
        else:
            handling.is_taken = True
            ident = get_ident()
            if (ident in own or ident in calling) and is_about_us(record.name):
                return None
        handling.record = record
        handling.levelname = record.levelname
        handling.levelno = record.levelno
        handling.exc_info = record.exc_info
        handling.stack_info = record.stack_info
        handling.printed = ""
        handling.is_sent = False
        handling.bodies = handling.message = None
        self.open[key] = handling
        if self._sink.givers > 1 and handling.is_taken:
            self._sink.note_taken(record)
        return handling

    def end(self, handling: Handling) -> None:
        """Its handlers have seen a record: it is a line now.

        Whatever comes up meanwhile is the function's own, and leaves the record where the next one
        finds it. It passes, but where the function's stack is used up: it will be told so by its
        own call.
        """
        if not handling.is_taken:
            self.open.pop(id(handling.record), None)
            return
        handling.is_over = True
        try:
            if self._interrupted and not self._records.in_hook():
                self._send_interrupted(handling)
            self._send(handling)
        except RecursionError:
            self._interrupted = True  # no call before this: there may be no stack for one
        except BaseException:
            self._interrupted = True
            raise

    def _send(self, handling: Handling) -> None:
        """Make lines of a record, hand them on, let go of it; begun anew it does what is left."""
        if handling.is_sent:
            return  # by another thread, now
        handling.is_sent = True
        try:
            bodies = handling.bodies
            if bodies is None:
                try:
                    bodies = handling.bodies = self._records.bodies(handling)
                except RecursionError:
                    if handling.tries < _MAX_TRIES:
                        handling.tries += 1
                        raise
                except Exception as error:
                    if not is_its_own(error):
                        raise
                except BaseException as error:
                    if is_its_own(error):
                        handling.bodies = []
                        self._records.salvage(handling.record)
                    raise  # out of the message's own text, which handlers ask for, too
            if bodies is None:
                self._records.salvage(handling.record)
                bodies = handling.bodies = []
            self._sink.deliver(bodies)
            self.open.pop(id(handling.record), None)
        finally:
            handling.is_sent = False

    def _send_interrupted(self, but: Handling | None) -> None:
        """Send records whose sending was broken off by an exception."""
        self._interrupted = False
        for handling in list(self.open.values()):
            if handling.is_over and handling is not but:
                self._send(handling)

    def complete(self) -> None:
        """Deliver what handlers have not let go of: the invocation or the process ends."""
        for handling in list(self.open.values()):
            if handling.is_taken:
                handling.tries = _MAX_TRIES if handling.is_over else 0
                try:
                    self._send(handling)
                except RecursionError:
                    continue  # its own, each time: not even a part of it can be had
            else:
                self.open.pop(id(handling.record), None)

    def was_taken(self, record: object) -> bool:
        """Whether a record behind a queue was taken when it was logged, in this process."""
        return (
            isinstance(record, logging.LogRecord)
            and record.process == os.getpid()
            and record.levelno >= self._level
        )

    def kept_back(self, handler: logging.Handler) -> bool:
        """Whether a handler gets nothing of what we take: one of the runtime client's."""
        if self._passes_on or not type(handler).__module__.startswith("awslambdaric"):
            return False
        self.kept_back_kinds.add(type(handler))
        return True

    def behind(self, text: str, frame: FrameType | None) -> Handling | None:
        """The record that a write is the printed form of; None for a print of the function's own.

        Args:
            text: what is written.
            frame: who writes.
        """
        if frame is not None:
            handling = self.printed_in(frame, get_ident())
            if handling is not None:
                return handling  # as below, without the way up
        direct: bool | None = None
        by_runtime = False
        for _ in range(_MAX_FRAMES):
            if frame is None:
                return None
            code = frame.f_code
            name = code.co_name
            if code.co_filename == _FILE:
                if name == "callHandlers":
                    handling = self._handed_on_in(frame, get_ident())
                    if handling is None or (not handling.is_taken and not by_runtime):
                        return None
                    return handling if direct or handling.is_in(text) else None
                if direct is None and name not in _MAKES_TEXT:
                    direct = True  # one of logging's own handlers
            elif direct is None and name not in ("write", "writelines", "flush"):
                direct = by_runtime = _is_runtime(frame)
                if by_runtime:
                    self._learn(frame)
            if name in _MAKES_TEXT:
                return None
            frame = frame.f_back
        return None

    def _learn(self, frame: FrameType) -> None:
        """The runtime client writes in this frame: know its handler's way to do it again."""
        above = frame.f_back
        if above is not None and above.f_code.co_name == "emit" and _is_runtime(above):
            self._printers = (frame.f_code, above.f_code)

    def printed_in(self, frame: FrameType, ident: int) -> Handling | None:
        """The record that the runtime client's handler prints in this frame; None if it does not.

        Args:
            frame: who writes.
            ident: of the calling thread.
        """
        printer, handler = self._printers
        if frame.f_code is printer:
            above = frame.f_back
            if above is not None and above.f_code is handler:
                return self._handed_on_in(above, ident)  # nobody but a logger gives it one
        return None

    def _handed_on_in(self, frame: FrameType, ident: int) -> Handling | None:
        """The record that ``callHandlers`` or ``emit`` has been given, running in this frame."""
        opened = self.open
        if len(opened) == 1:
            for handling in opened.values():
                if getattr(handling.record, "thread", None) == ident:
                    return handling  # a frame's variables take longer than all of this
                break  # no further step: others may have changed it by now
        return opened.get(id(frame.f_locals.get("record")))


def _is_runtime(frame: FrameType) -> bool:
    """Whether the runtime client's own code runs in a frame."""
    return str(frame.f_globals.get("__name__", "")).startswith("awslambdaric")


def _call_handlers(loggers: Loggers, theirs: Callable[..., None]) -> Callable[..., None]:
    """What takes the place of ``Logger.callHandlers``: in its own frame, as the original does it.

    Handlers and formatters count frames, and stacks are printed: there is none more than without
    us, and it looks the same. Where somebody else has been there before us, his function runs.
    """
    begin, end, passes_on = loggers.begin, loggers.end, loggers._passes_on  # noqa: SLF001 - the other half
    kept_back, kinds, opened = loggers.kept_back, loggers.kept_back_kinds, loggers.open

    def around(self: logging.Logger, record: logging.LogRecord) -> None:
        handling = begin(record)
        try:
            theirs(self, record)
        finally:
            if handling is not None:
                end(handling)

    def callHandlers(self: Any, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        handling = begin(record)
        # Where somebody is between us and ourselves (Sentry), it was taken further out.
        taken = None if passes_on else handling or opened.get(id(record))
        keeps_back = taken is not None and taken.is_taken
        try:
            found = 0
            c = self
            while c:
                for hdlr in c.handlers:
                    found = found + 1
                    if record.levelno >= hdlr.level and not (
                        keeps_back and (type(hdlr) in kinds or kept_back(hdlr))
                    ):
                        hdlr.handle(record)
                c = c.parent if c.propagate else None
            if found == 0:
                _last_resort(self, record)
        finally:
            if handling is not None:
                end(handling)

    code = getattr(theirs, "__code__", None)
    if code is None or code.co_filename != _FILE:
        return around
    ours = callHandlers.__code__
    callHandlers.__code__ = ours.replace(
        co_filename=_FILE,
        co_firstlineno=code.co_firstlineno,
        co_linetable=_in_one_place(len(ours.co_code), *_CALL),
    )
    return callHandlers


def _in_one_place(length: int, line: int, begin: int, end: int) -> bytes:
    """A table of lines by which all of a function's code stands in one place.

    Args:
        length: bytes of code.
        line: counted from the function's first; below 32.
        begin: first column, counted from 0; below 63, as the next.
        end: the column after the last.
    """
    if sys.hexversion < 0x030B0000:  # pairs of bytes of code and lines further on
        whole, left = divmod(length, 254)
        table = bytearray((254, 0) * whole + (left, 0) * (left > 0))
        table[1] = line
        return bytes(table)
    # Entries of up to eight instructions, in their long form: Objects/locations.md of CPython.
    whole, left = divmod(length // 2, 8)
    place = (0, 0, begin + 1, end + 1)
    table = bytearray((0xF7, *place) * whole + (0xEF + left, *place) * (left > 0))
    table[1] = line << 1
    return bytes(table)


def _last_resort(logger: Any, record: logging.LogRecord) -> None:
    """What ``Logger.callHandlers`` does where nobody has set up any handler."""
    if logging.lastResort:
        if record.levelno >= logging.lastResort.level:
            logging.lastResort.handle(record)
    elif logging.raiseExceptions and not logger.manager.emittedNoHandlerWarning:
        if sys.stderr is not None:
            sys.stderr.write(f'No handlers could be found for logger "{logger.name}"\n')
        logger.manager.emittedNoHandlerWarning = True
