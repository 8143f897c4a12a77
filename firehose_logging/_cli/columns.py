"""The columns of the table ``logs``: those of the line's schema, with their types."""

from __future__ import annotations

TIMESTAMP = "timestamp"
TEXT = "varchar"
JSON = "json"  # held as text in both engines, an object or a list in the line
NUMBER = "bigint"
FLAG = "boolean"
LIST = "array(varchar)"

#: In the order of ``docs/schema.md``; a line without one of them has NULL there, and what a line
#: has besides is in ``lines.line``.
COLUMNS: dict[str, str] = {
    "timestamp": TIMESTAMP,
    "type": TEXT,
    "level": TEXT,
    "logger": TEXT,
    "message": TEXT,
    "record": JSON,
    "requestId": TEXT,
    "invocationId": TEXT,
    "executionArn": TEXT,
    "tenantId": TEXT,
    "traceId": TEXT,
    "functionName": TEXT,
    "functionVersion": TEXT,
    "instanceId": TEXT,
    "seq": NUMBER,
    "coldStart": FLAG,
    "errorType": TEXT,
    "errorMessage": TEXT,
    "stackTrace": LIST,
    "location": TEXT,
    "stackInfo": LIST,
    "extra": JSON,
    "part": NUMBER,
    "parts": NUMBER,
    "fragment": TEXT,
    "code": TEXT,
    "lost": JSON,
    "diverted": JSON,
}
