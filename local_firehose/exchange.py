"""One call while it is worked on, and its answer."""

from __future__ import annotations

import enum
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .fault import Call, Fault

if TYPE_CHECKING:
    from .connection import Head
    from .validation import Put

JSON = "application/x-amz-json-1.1"

_TARGET = "Firehose_20150804."


class Send(enum.Enum):
    """What to do with an answer."""

    WHOLE = "send it"
    RESET = "reset the connection"
    NOTHING = "hold the connection"


@dataclass
class Answer:
    """An answer, and how to send it."""

    status: int
    body: bytes
    content_type: str = JSON
    send: Send = Send.WHOLE
    wire: list[Fault] = field(default_factory=list)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Exchange:
    """What is known of a call while it is worked on."""

    head: Head
    operation: str
    call: Call = field(default_factory=Call)
    members: dict[str, object] = field(default_factory=dict)
    put: Put | None = None
    signature_ok: bool | None = None
    region: str = ""
    stored: int = 0
    outcome: str = "ok"
    refused: Counter[str] = field(default_factory=Counter)

    def sizes(self) -> list[int]:
        """Return the raw bytes of each record in the call, valid or not."""
        if self.put is not None:
            return [len(data) for data in self.put.records]
        entries = self.members.get("Records", [self.members.get("Record")])
        if not isinstance(entries, list) or entries == [None]:
            return []
        return [_raw_size(entry) for entry in entries]


def _raw_size(entry: object) -> int:
    """Return what the base64 of a record decodes to, 0 where there is none."""
    text = entry.get("Data") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        return 0
    return len(text) // 4 * 3 - text[-2:].count("=")


def call_of(head: Head, number: int, connection: int) -> Call:
    """Return what the head tells of a call."""
    target = head.headers.get("x-amz-target", "")
    operation = target.removeprefix(_TARGET) if target.startswith(_TARGET) else ""
    # Sent by AWS SDKs as "attempt=2; max=3".
    words = head.headers.get("amz-sdk-request", "").replace(";", " ").split()
    attempts = [word[8:] for word in words if word.startswith("attempt=")]
    attempt = int(attempts[0]) if attempts and attempts[0].isdigit() else 1
    return Call(operation=operation, attempt=attempt, number=number, connection=connection)
