"""What a redact hook says about lines that telemetry brings: kept back, or it would never end."""

from __future__ import annotations

import logging
import sys
import weakref

from firehose_logging import _threads
from firehose_logging._diagnostics import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class HookOutput:
    """Keeps back what a hook prints or logs on our own thread; all else goes where it went.

    The platform would bring it as lines of the function, about which the hook would say something.

    Args:
        in_hook: whether the calling thread is in a hook.
    """

    def __init__(self, in_hook: Callable[[], bool]) -> None:
        self._in_hook = in_hook

    def cover(self) -> None:
        """Be asked about each write and each record from now on."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                self._cover(stream)
        theirs = logging.Logger.callHandlers

        def callHandlers(logger: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802
            if not self._keeps_back():
                theirs(logger, record)

        logging.Logger.callHandlers = callHandlers  # type: ignore[method-assign, assignment]

    def _cover(self, stream: Any) -> None:
        own = getattr(stream, "__dict__", {}).get("write")
        reference = weakref.ref(stream)  # a stream in a circle is not flushed at the very end

        def write(text: Any) -> Any:
            if self._keeps_back():
                return len(text)
            if own is not None:
                return own(text)
            target: Any = reference()
            return type(target).write(target, text)

        try:
            stream.write = write
        except (AttributeError, TypeError):  # a stream without attributes of its own
            return

    def _keeps_back(self) -> bool:
        if not _threads.own or not _threads.is_own() or not self._in_hook():
            return False
        tell(
            "what the redact hook prints or logs about a line of function telemetry is kept back: "
            "it would come as such a line, again and again",
            code="hook_output",
            once="hook_output",
        )
        return True
