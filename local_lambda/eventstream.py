"""Messages of AWS's event stream encoding, in which a streamed invocation is answered; pure.

Encoding: "Amazon event stream" of the Smithy specification: two lengths, their checksum, headers of
type string, payload, checksum of all; numbers are big-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def message(kind: str, payload: bytes, content_type: str) -> bytes:
    """Return one event of type `kind`."""
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (":event-type", kind),
            (":content-type", content_type),
            (":message-type", "event"),
        )
    )
    # Two lengths, the checksum of both, headers, payload, the checksum of all.
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def payload_chunk(data: bytes) -> bytes:
    """Return the event that carries a piece of the response."""
    return message("PayloadChunk", data, "application/octet-stream")


def invoke_complete(error_code: str | None, details: str | None, log_result: str | None) -> bytes:
    """Return the last event; None leaves a field out."""
    fields: dict[str, Any] = {
        "ErrorCode": error_code,
        "ErrorDetails": details,
        "LogResult": log_result,
    }
    text = json.dumps({name: value for name, value in fields.items() if value is not None})
    return message("InvokeComplete", text.encode(), "application/json")


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return bytes([len(name)]) + name.encode() + struct.pack(">BH", _STRING, len(text)) + text
