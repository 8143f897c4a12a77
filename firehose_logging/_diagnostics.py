"""What this package says about itself: on the original stderr, each thing once.

Never through ``logging`` or ``warnings`` (they could come back to us) and never with a secret:
messages of errors are shortened and credentials are masked.
"""

from __future__ import annotations

import os
import re
import sys

PREFIX = "firehose_logging: "

#: Most characters of one message; a response body may be part of it.
MAX_LENGTH = 600

_said: set[str] = set()

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


def tell(message: str, *, once: str | None = None) -> None:
    """Write one line to stderr; never raises.

    Args:
        message: what is wrong, and what to do.
        once: a key under which this is said only once a process; None always says it.
    """
    if once is not None:
        if once in _said:
            return
        _said.add(once)
    text = mask(" ".join(message.split()))
    if len(text) > MAX_LENGTH:
        text = text[: MAX_LENGTH - 3] + "..."
    stream = sys.__stderr__  # the original: sys.stderr may be captured by us
    try:
        if stream is not None:
            # To the descriptor: a text stream cannot be re-entered from a signal handler.
            os.write(stream.fileno(), f"{PREFIX}{text}\n".encode("utf-8", "replace"))
    except (OSError, ValueError):
        return


def forget() -> None:
    """Say things again: in a forked child, and in tests."""
    _said.clear()
