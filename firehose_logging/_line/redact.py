"""A user's last word on a line before it is kept anywhere."""

from __future__ import annotations

import json

from firehose_logging._line import line as _line
from firehose_logging._line.foreign import is_its_own
from firehose_logging._line.json_text import dumps, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Redact = Callable[[dict[str, Any]], dict[str, Any] | None]

#: What each part of a line repeats.
_HEAD = (
    *("timestamp", "type", "level", "logger", "requestId", "tenantId", "traceId", "invocationId"),
    *("executionArn", "functionName", "functionVersion", "instanceId", "coldStart"),
)


def redacted(redact: Redact, body: str) -> list[str]:
    """The bodies that take the place of ``body``; none when the line is dropped.

    Args:
        redact: given the line as a dict, without ``seq``; gives it back changed, or another, or
            None to drop it. When it raises, a line that says so and holds nothing else is sent:
            what could not be masked must not leave.
        body: a line without ``seq`` and its end.
    """
    line = json.loads(f"{body}}}")
    start = _line.start(
        str(line.get("timestamp", "")),
        str(line.get("type", "")),
        str(line.get("level", "")),
        str(line.get("logger", "")),
    )
    try:
        kept: object = redact(dict(line))
        if kept is None:
            return []
        text = dumps(kept)
        if not isinstance(kept, dict) or not kept:
            raise TypeError(f"redact gave a {type(kept).__name__}, not a dict or None")
    except Exception as error:  # user code
        if not is_its_own(error):
            raise
        message = quote(f"a line was withheld: redact raised {type(error).__name__}")
        return [f'{start},"code":"redaction_withheld","message":{message}']
    return [text[:-1]] if _line.fits(text) else _parts(start, kept, text)


def _parts(start: str, kept: dict[str, Any], text: str) -> list[str]:
    """A line that is too long: cut in its message, as it is without a hook, where that is text."""
    message = kept.get("message")
    named = {name: kept[name] for name in _HEAD if type(kept.get(name)) in (str, bool)}
    head = dumps(named)[:-1]
    if type(message) is not str or not named or not _line.fits(head):
        return _line.fragments(start, text)
    others = {name: kept[name] for name in kept if name not in named and name != "message"}
    return _line.split(head, message, f",{dumps(others)[1:-1]}" if others else "")
