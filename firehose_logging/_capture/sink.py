"""Where the lines of one stream go: redacted, made to fit, handed to whoever delivers them."""

from __future__ import annotations

from collections import deque

from firehose_logging._bundle import have
from firehose_logging._line import line as _line
from firehose_logging._line.json_text import dumps, quote
from firehose_logging._natives import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Protocol

    from firehose_logging._capture.handling import Handling
    from firehose_logging._line.redact import Redact

    class Deliverer(Protocol):
        """Whoever delivers lines; the loggers' threads wait for none of it."""

        def add(self, body: str) -> None:
            """Accept a line, without ``seq`` and its end."""

        def lose(self, reason: str = ..., lines: int = 1) -> None:
            """Count lines that never became lines."""


#: Most records that are remembered for handlers of ours behind a queue or a buffer.
MAX_TAKEN = 4_096

#: Characters at the beginning of a line within which its type stands.
_HEAD = 80

_BACKLOG = "firehose_logging._delivery.backlog"


class Sink:
    """Takes the lines of everything that writes to one stream.

    Args:
        deliverer: takes what is left of them.
    """

    def __init__(self, deliverer: Deliverer) -> None:
        self.deliverer = deliverer
        # All mutable state.
        #: How many give us records: a record that reaches two of them is one line.
        self.givers = 0
        #: Records that handlers see now and that become lines afterwards, by the id of the record.
        self.open: dict[int, Handling] = {}
        # Bodies that the deliverer has not got, since an exception of the function's came before.
        self._left: deque[list[str]] = deque()
        # Records that were taken and may come once more; and which of them is the oldest: a dict
        # would look for its first key ever longer, past those that were taken out.
        self._taken: set[tuple[object, ...]] = set()
        self._order: deque[tuple[object, ...]] = deque()
        #: Whether lines are redacted.
        self.redacts = False
        self._hooks: tuple[Redact, ...] = ()
        self._redacting: set[int] = set()  # idents of threads that are in a hook
        self._keeps_hooks_quiet = False

    def add_giver(self) -> None:
        """One more gives us records."""
        self.givers += 1

    def note_taken(self, record: logging.LogRecord) -> None:
        """A record is taken where its logger hands it on, and handlers of ours may get it later.

        What a queue or a buffer gives them then may be a copy: it has the time of the record.
        """
        key = _key(record)
        if len(self._order) >= MAX_TAKEN:
            try:
                self._taken.discard(self._order.popleft())
            except IndexError:
                pass  # other threads have taken them all
        self._taken.add(key)
        self._order.append(key)

    def was_taken(self, record: logging.LogRecord) -> bool:
        """Whether a record, or that of which it is a copy, was taken already."""
        return bool(self._taken) and _key(record) in self._taken

    def redact_with(self, hook: Redact) -> None:
        """Have every line from now on pass through ``hook``, after those that came before it."""
        self.redacts = True
        if hook not in self._hooks:
            self._hooks += (hook,)

    def line(self, head: str, message: object, tail: str = "") -> None:
        """Accept a line, of parts as of ``bodies``."""
        self.give(self.bodies(head, message, tail))

    def bodies(self, head: str, message: object, tail: str = "") -> list[str]:
        """What a line is delivered as: redacted, and in as many parts as it takes.

        Args:
            head: the members before the message, which say where the line comes from.
            message: text, or what is to be an object.
            tail: the members after it, with a leading comma.
        """
        text = quote(message) if type(message) is str else dumps(message)
        body = f'{head},"message":{text}{tail}'
        if self._hooks and get_ident() not in self._redacting:
            return self._redacted(body)
        # What a hook logs about a line is not redacted again: that would never end.
        if len(body) <= _line.SURELY_FITS or _line.fits(body):
            return [body]
        return _line.split(head, message if isinstance(message, str) else text, tail)

    def give(self, bodies: list[str]) -> None:
        """Hand bodies on; what an exception of the function's leaves of them comes with the next.

        That exception passes, but for RecursionError: the function's stack is used up, and will be
        told so by its own call.
        """
        try:
            if self._left:
                self._deliver_left()
            if len(bodies) == 1:  # as ``deliver``, without the call
                try:
                    self.deliverer.add(bodies[0])
                except BaseException as error:
                    if was_accepted(error):
                        del bodies[0]
                    raise
                return
            self.deliver(bodies)
        except RecursionError:
            self._left.append(bodies)
        except BaseException:
            self._left.append(bodies)
            raise

    def deliver(self, bodies: list[str]) -> None:
        """Hand bodies on and take out those that are; an exception leaves the rest in.

        No call here between a line's acceptance and its removal: none comes twice.
        """
        if self._left:
            self._deliver_left()
        while bodies:
            try:
                self.deliverer.add(bodies[0])
            except BaseException as error:
                if was_accepted(error):
                    del bodies[0]
                raise
            del bodies[0]

    def _deliver_left(self) -> None:
        left = self._left
        for _ in range(len(left)):
            try:
                bodies = left.popleft()
            except IndexError:
                return  # another thread has it
            try:
                while bodies:
                    self.deliverer.add(bodies[0])
                    del bodies[0]
            except BaseException as error:
                if was_accepted(error):
                    del bodies[0]
                if bodies:
                    left.appendleft(bodies)
                raise

    def in_hook(self) -> bool:
        """Whether this thread is in a hook."""
        return get_ident() in self._redacting

    def members(self, head: str, members: str) -> None:
        """Accept a line without a message.

        Args:
            head: the members which say where the line comes from.
            members: all others, with a leading comma.
        """
        body = head + members
        if self._hooks:
            self.add(body)
        elif _line.fits(body):
            self.deliverer.add(body)
        else:
            for part in _line.fragments(head, f"{body}}}"):
                self.deliverer.add(part)

    def add(self, body: str) -> None:
        """Accept a line that somebody else has made, whole: redact it and pass it on."""
        if self._hooks and get_ident() not in self._redacting:
            self.give(self._redacted(body))
        else:
            self.deliverer.add(body)

    def from_platform(self, body: str) -> None:
        """Accept a line that telemetry brought; only what the function itself said is redacted."""
        if self._hooks and ',"type":"function",' in body[:_HEAD]:
            if not self._keeps_hooks_quiet:
                from firehose_logging._capture.hook_output import HookOutput

                self._keeps_hooks_quiet = True
                HookOutput(self.in_hook).cover()
            self.give(self._redacted(body))
        else:
            self.deliverer.add(body)

    def _redacted(self, body: str) -> list[str]:
        have("_line.redact")
        from firehose_logging._line.redact import redacted

        ident = get_ident()
        self._redacting.add(ident)
        try:
            bodies = [body]
            for hook in self._hooks:
                bodies = [kept for one in bodies for kept in redacted(hook, one)]
        finally:
            self._redacting.discard(ident)
        return bodies

    def lose(self, reason: str, lines: int = 1) -> None:
        """Count lines that never became lines."""
        self.deliverer.lose(reason, lines)


def _key(record: logging.LogRecord) -> tuple[object, ...]:
    own = record.__dict__
    found = tuple(map(own.get, ("created", "thread", "process", "lineno")))
    return found if all(type(part) in (float, int) for part in found) else (id(record),)


def was_accepted(error: BaseException) -> bool:
    """Whether an exception came up after the backlog had put the line where none is lost.

    Its ``add`` does that first: an exception that came up before, or in the very call where there
    is no stack for it, has that function's first lines at its end.
    """
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__name__") == _BACKLOG:
            code = frame.f_code
            if trace.tb_next is not None or code.co_name != "add":
                return True
            begins, puts = sorted({line for *_, line in code.co_lines() if line})[:2]
            at = trace.tb_lineno
            return at > puts or (at > begins and not isinstance(error, RecursionError))
        trace = trace.tb_next
    return False
