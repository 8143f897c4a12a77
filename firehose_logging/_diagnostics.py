"""What this package says about itself: on the original stderr and in the stream, each thing once.

Never through ``logging`` or ``warnings`` (they could come back to us) and never with a secret:
messages of errors are shortened and credentials are masked. Each kind has a code that metric
filters, alarms and saved queries can use; docs/messages.md lists what to do about each.
"""

from __future__ import annotations

import re
import sys
from collections import deque

from firehose_logging._natives import get_ident, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "firehose_logging: "

#: Most characters of one message; a response body may be part of it.
MAX_LENGTH = 600

#: Level of each kind of message, by its code. Codes are part of the line schema: one that has been
#: released keeps its name and its meaning.
CODES = {
    "buffer_full": "ERROR",
    "extension_refused": "WARNING",
    "hook_output": "WARNING",
    "internal": "ERROR",
    "journal_anew": "WARNING",
    "journal_off": "WARNING",
    "journal_unread": "WARNING",
    "lines_diverted": "WARNING",
    "lines_lost": "ERROR",
    "lines_recovered": "WARNING",
    "lines_refused": "ERROR",
    "lines_undelivered": "WARNING",
    "metrics_withheld": "WARNING",
    "no_passthrough": "WARNING",
    "no_telemetry": "WARNING",
    "no_thread": "WARNING",
    "not_registered": "WARNING",
    "port_taken": "WARNING",
    "redaction_withheld": "ERROR",
    "setting_kept": "WARNING",
    "setting_unknown": "WARNING",
    "setting_wrong": "WARNING",
    "stream_changed": "WARNING",
    "stream_failing": "ERROR",
    "stream_missing": "ERROR",
    "stream_recovered": "WARNING",
    "telemetry_stranger": "WARNING",
    "telemetry_unread": "WARNING",
    "telemetry_waits": "WARNING",
    "transport_changed": "WARNING",
}

#: Most messages that wait for a stream to go to; what comes after them is on stderr alone.
MAX_KEPT = 50

_said: set[str] = set()

# Level, text and code of what has been said and is in no stream yet; where it goes; and the
# threads that are passing it on, on which more may be said.
_kept: deque[tuple[str, str, str]] = deque()
_sink: Callable[[str, str, str], None] | None = None
_passing: set[int] = set()

#: Our credentials, to be masked wherever they show up: an answer may repeat what it was sent, in
#: words that no pattern expects.
_secrets: set[str] = set()

#: Characters. Shorter values are no credentials, and would mask half of a text.
SHORTEST_SECRET = 8

# Access key ids, and whatever follows the names under which secrets travel.
_AFTER_NAMES = (
    r"(?i)(secret[\w-]*|session[_-]?token|security-token|signature|credential)"
    r"(['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&]+"
)
_SECRETS = (
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}", "[masked]"),
    (_AFTER_NAMES, r"\1\2[masked]"),
)


def keep_secret(*values: str | None) -> None:
    """Mask these values from now on; None and short ones, which are no credentials, are not."""
    _secrets.update(value for value in values if value and len(value) >= SHORTEST_SECRET)


def mask(text: str) -> str:
    """``text`` without our credentials, and without anything that looks like one."""
    for value in _secrets:
        text = text.replace(value, "[masked]")
    for pattern, mark in _SECRETS:
        text = re.sub(pattern, mark, text)
    return text


def tell(message: str, *, code: str = "internal", once: str | None = None) -> None:
    """Write one line to stderr and one to the stream; never raises.

    Args:
        message: what is wrong, and what to do.
        code: one of ``CODES``.
        once: a key under which this is said only once a process; None always says it.
    """
    if once is not None:
        if once in _said:
            return
        _said.add(once)
    try:
        text = mask(" ".join(message.split()))
    except ImportError:
        return  # the interpreter ends, and has nothing to mask with any more
    if len(text) > MAX_LENGTH:
        text = text[: MAX_LENGTH - 3] + "..."
    stream = sys.__stderr__  # the original: sys.stderr may be captured by us
    try:
        if stream is not None:
            # To the descriptor: a text stream cannot be re-entered from a signal handler.
            write(stream.fileno(), f"{PREFIX}{text}\n".encode("utf-8", "replace"))
    except (OSError, ValueError):
        pass  # nobody reads it; the stream may still
    if len(_kept) < MAX_KEPT:
        _kept.append((CODES.get(code, "ERROR"), text, code))
        _pass_on()


def deliver_to(sink: Callable[[str, str, str], None]) -> None:
    """Have what is said go to a stream, too: from now on, and what was said before.

    Args:
        sink: takes level, text and code; the first one stays.
    """
    global _sink
    if _sink is None:
        _sink = sink
        _pass_on()


def _pass_on() -> None:
    """Give what waits to the sink; what that says itself waits until it has returned."""
    ident = get_ident()
    if _sink is None or ident in _passing:
        return
    _passing.add(ident)
    try:
        while _kept:
            _sink(*_kept.popleft())
    except Exception:  # noqa: BLE001 - it is on stderr, and telling must not raise
        return
    finally:
        _passing.discard(ident)


def attempt(what: str, step: Callable[[], object]) -> None:
    """Do one step of our own; one that fails is told once, and the function goes on.

    Args:
        what: the step's name, for people.
        step: may raise.
    """
    try:
        step()
    except Exception as error:  # noqa: BLE001 - the function must run
        tell(f"{what} failed: {type(error).__name__}: {error}", once=what)


def forget() -> None:
    """Say things again, and to nobody but stderr: in a forked child, and in tests."""
    global _sink
    _sink = None
    _said.clear()
    _kept.clear()
    _passing.clear()
