"""Where the lines of one stream go: redacted, made to fit, handed to whoever delivers them."""

from __future__ import annotations

import _thread

from firehose_logging._line import line as _line
from firehose_logging._line.json_text import dumps, quote
from firehose_logging._line.redact import redacted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from firehose_logging._line.redact import Redact

    class Deliverer(Protocol):
        """Whoever delivers lines; the loggers' threads wait for none of it."""

        def add(self, body: str) -> None:
            """Accept a line, without ``seq`` and its end."""

        def lose(self, reason: str = ..., lines: int = 1) -> None:
            """Count lines that never became lines."""


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
        self._hooks: tuple[Redact, ...] = ()
        self._redacting: set[int] = set()  # idents of threads that are in a hook

    def redact_with(self, hook: Redact) -> None:
        """Have every line from now on pass through ``hook``, after those that came before it."""
        if hook not in self._hooks:
            self._hooks += (hook,)

    @property
    def redacts(self) -> bool:
        """Whether lines are redacted."""
        return bool(self._hooks)

    def line(self, head: str, message: object, tail: str = "") -> None:
        """Accept a line.

        Args:
            head: the members before the message, which say where the line comes from.
            message: text, or what is to be an object.
            tail: the members after it, with a leading comma.
        """
        text = quote(message) if type(message) is str else dumps(message)
        body = f'{head},"message":{text}{tail}'
        if self._hooks:
            self.add(body)
        elif len(body) <= _line.SURELY_FITS or _line.fits(body):
            self.deliverer.add(body)
        else:
            whole = message if isinstance(message, str) else text
            for part in _line.split(head, whole, tail):
                self.deliverer.add(part)

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
        """Accept a whole line, of a size that fits: redact it and pass it on."""
        ident = _thread.get_ident()
        if not self._hooks or ident in self._redacting:
            # What a hook logs about a line is not redacted again: that would never end.
            self.deliverer.add(body)
            return
        self._redacting.add(ident)
        try:
            bodies = [body]
            for hook in self._hooks:
                bodies = [kept for one in bodies for kept in redacted(hook, one)]
        finally:
            self._redacting.discard(ident)
        for kept in bodies:
            self.deliverer.add(kept)

    def lose(self, reason: str, lines: int = 1) -> None:
        """Count lines that never became lines."""
        self.deliverer.lose(reason, lines)
