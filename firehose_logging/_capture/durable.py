"""The execution that an invocation of a durable function is a part of.

Imported only when an event looks like one.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ARN = "DurableExecutionArn"
_TOKEN = "CheckpointToken"  # noqa: S105 - the name of a key, whose value we never read
#: How the service writes such an event: the ARN before the state, which may be megabytes.
_FIRST = '{"DurableExecutionArn":'


def execution_arn(body: bytes | str) -> str | None:
    """The ARN in an event of a durable function, as JSON text; None in every other event."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        if text.startswith(_FIRST) and f'"{_TOKEN}"' in text[:10_000]:
            value, _ = json.JSONDecoder().raw_decode(text[len(_FIRST) : 10_000].lstrip())
            return value if isinstance(value, str) else None
        return arn_of(json.loads(text))
    except ValueError:
        return None


def arn_of(event: Any) -> str | None:
    """The same for an event that was read already."""
    if not isinstance(event, dict) or _TOKEN not in event:
        return None
    arn = event.get(_ARN)
    return arn if isinstance(arn, str) else None
