"""A printed line that is one JSON object, read as the line that it is. Pure.

Powertools, structlog, python-json-logger and embedded metrics print such lines. Most functions
print none, or none before their first answer: ``printed_object`` takes them apart.
"""

from __future__ import annotations

from firehose_logging._bundle import have

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._line.printed_object import Printed

#: Longest text that is read, in characters; a longer one stays the message that it is. Reading is
#: done in the function's own thread: 10 ms a MB.
MAX_TEXT = 1_000_000


def read(text: str) -> Printed | None:
    """A printed line as what it says; None when it is no JSON object.

    Args:
        text: the line, with or without its end.
    """
    text = _braced(text)
    if not text:
        return None
    have("_line.printed_object")
    from firehose_logging._line.printed_object import read as read_object

    return read_object(text)


def holds_metrics(text: str) -> bool:
    """Whether a printed text is a line of embedded metrics."""
    text = _braced(text) if '"_aws"' in text else ""
    if not text:
        return False
    have("_line.printed_object")
    from firehose_logging._line.printed_object import is_metrics, object_of

    found = object_of(text)
    return found is not None and is_metrics(found)


def added(text: str, known: frozenset[str] | set[str]) -> dict[str, Any]:
    """What a handler's formatter added to a record: the keys of its printed JSON that are new.

    Args:
        text: what the handler printed for the record.
        known: names, in lower case, of the record's own extras.

    Returns:
        Names and values that become columns of the record's line, in their order; empty when the
        text is no JSON object.
    """
    text = _braced(text)
    if not text:
        return {}
    have("_line.printed_object")
    from firehose_logging._line.printed_object import added as added_by

    return added_by(text, known)


def _braced(text: str) -> str:
    """A text that may be an object, without what is around it; empty where it is none."""
    text = text.strip()
    is_one = text.startswith("{") and text.endswith("}") and len(text) <= MAX_TEXT
    return text if is_one else ""
