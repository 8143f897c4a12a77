"""Telemetry events into lines. Pure: the body of a POST in, line bodies out.

An event is ``{"time", "type", "record"}``; ``record`` may be an object or text, and types that
do not exist yet are lines like any other.
"""

from __future__ import annotations

import json

from firehose_logging._extension.telemetry_batch import BatchReader
from firehose_logging._line import line as _line
from firehose_logging._line.json_text import dumps, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._line.context import Context

#: Longest request id that is taken for one, in characters; Lambda's have 36. It is repeated on
#: every part of a long line.
MAX_REQUEST_ID = 256


class TelemetryReader:
    """Turns batches of events into line bodies and remembers which invocation they are of.

    Args:
        context: the columns of this environment.
        concurrent: several invocations run at a time, as on Managed Instances: the last one that
            was started says nothing about a line of the function.
    """

    def __init__(self, context: Context, *, concurrent: bool = False) -> None:
        self._context = context
        self._concurrent = concurrent
        self._batches = BatchReader()
        # All mutable state: the invocation that the platform last started, for text lines of
        # the function, which do not name theirs.
        self._request_id: str | None = None

    def read(self, body: bytes, now: float) -> tuple[list[str], list[str], int]:
        """Line bodies, request ids whose runtime is done, and how many events were unreadable.

        Args:
            body: of one POST.
            now: seconds since the epoch, for events without a usable time.
        """
        return self._lines(*self._batches.read(body), now)

    def rest(self, now: float) -> tuple[list[str], list[str], int]:
        """The same for what is still incomplete: no more POSTs will come."""
        return self._lines(*self._batches.rest(), now)

    def _lines(self, events: list[Any], bad: int, now: float) -> tuple[list[str], list[str], int]:
        bodies: list[str] = []
        done: list[str] = []
        for event in events:
            if not isinstance(event, dict):
                bad += 1
                continue
            try:
                bodies.extend(self._bodies(event, now))
            except Exception:  # noqa: BLE001 - one bad event costs one event
                bad += 1
                continue
            if event.get("type") == "platform.runtimeDone":
                request_id = _request_id(event.get("record"))
                if request_id:
                    done.append(request_id)
        return bodies, done, bad

    def _bodies(self, event: dict[str, Any], now: float) -> list[str]:
        kind = event.get("type")
        kind = kind if isinstance(kind, str) and kind else "unknown"
        record = event.get("record")
        if kind == "function" and self._is_ours(record):
            return []
        request_id = _request_id(record)
        if kind == "platform.start":
            self._request_id = request_id
        if request_id is None and kind == "function":
            request_id = _own_request_id(record) if self._concurrent else self._request_id
        head = _line.start(
            rfc3339(event.get("time"), now), kind, _level(kind, record), kind.partition(".")[0]
        )
        if request_id:
            head += f',"requestId":{quote(request_id)}'
        head += self._context.environment_columns
        if isinstance(record, str):
            text = record.rstrip("\r\n")
            body = f'{head},"message":{quote(text)}'
            return [body] if _line.fits(body) else _line.split(head, text, "")
        payload = dumps(record)
        fixed = self._context.schema.fixed
        body = f'{head},"record":{quote(payload) if fixed else payload}'
        return [body] if _line.fits(body) else _line.split(head, payload, "")

    def _is_ours(self, record: object) -> bool:
        """Whether we wrote this: a line that Firehose did not take must not come back as another.

        Nobody else writes the name of this environment, ``instanceId``.
        """
        name = self._context.instance_id
        if isinstance(record, dict):
            return record.get("instanceId") == name
        return isinstance(record, str) and f'"instanceId":"{name}"' in record


def rfc3339(time: object, now: float) -> str:
    """An event's time with six digits of a second; the present when it is no time."""
    if not isinstance(time, str) or not time.endswith("Z") or not 20 <= len(time) <= 30:
        return _line.timestamp(now)
    whole, _, fraction = time[:-1].partition(".")
    # Punctuation where it belongs and digits everywhere else, or it is no time.
    digits = whole[:4] + whole[5:7] + whole[8:10] + whole[11:13] + whole[14:16] + whole[17:]
    if (
        len(whole) != 19
        or whole[4] + whole[7] + whole[10] + whole[13] + whole[16] != "--T::"
        or not (digits + fraction).isdecimal()
        or not time.isascii()
    ):
        return _line.timestamp(now)
    return f"{whole}.{fraction[:6]:0<6}Z"


def _request_id(record: object) -> str | None:
    if isinstance(record, dict):
        request_id = record.get("requestId")
        if isinstance(request_id, str) and 0 < len(request_id) <= MAX_REQUEST_ID:
            return request_id
    return None


def _own_request_id(record: object) -> str | None:
    """The id that a line of Lambda's JSON log format names itself, where it came as text."""
    if isinstance(record, str) and record.startswith("{") and '"requestId"' in record:
        try:
            return _request_id(json.loads(record))
        except ValueError:
            return None
    return None


def _level(kind: str, record: object) -> str:
    if kind in ("platform.logsDropped", "platform.fault"):
        return "ERROR"
    if isinstance(record, dict):
        if record.get("status") in ("error", "failure", "timeout"):
            return "ERROR"
        level = record.get("level")
        if isinstance(level, str) and level:
            return level
    return "INFO"
