"""What a put call may hold: the service's limits and its words when one is broken.

Sources: service model `firehose/2015-08-04` as shipped with botocore (min, max, pattern); API
reference of PutRecordBatch (500 records, 4 MiB, 1,000 KiB before base64). Texts of the messages as
quoted in osquery/osquery#3568 and postmates/cernan#210.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

from .errors import ServiceError

#: Raw bytes of one record: 1,000 KiB, counted before base64.
MAX_RECORD_BYTES = 1_024_000
#: Records in one PutRecordBatch.
MAX_CALL_RECORDS = 500
#: Raw bytes of one PutRecordBatch: 4 MiB, counted before base64.
MAX_CALL_BYTES = 4 * 1024 * 1024
#: Characters of a delivery stream's name.
MAX_NAME_LENGTH = 64

_NAME_PATTERN = "[a-zA-Z0-9_.-]+"
_TYPE_NAMES = {str: "STRING_VALUE", dict: "START_OBJECT", list: "START_ARRAY", bool: "BOOLEAN"}


@dataclass(frozen=True)
class Put:
    """A put call that keeps every rule.

    Args:
        stream: name of the delivery stream.
        records: raw bytes of each record, in the order of the call.
    """

    stream: str
    records: tuple[bytes, ...]


def parse_json(body: bytes) -> dict[str, object]:
    """Return the members of an awsJson body.

    Raises:
        ServiceError: `SerializationException`, the body is no JSON object.
    """
    try:
        members = json.loads(body or b"{}")
    except (ValueError, RecursionError):  # nested too deeply, for the second
        raise ServiceError("SerializationException", "The body is not valid JSON") from None
    if not isinstance(members, dict):
        raise _unexpected(members, "the body", "a structure")
    return members


def put_record(members: dict[str, object]) -> Put:
    """Check the members of a PutRecord call.

    Raises:
        ServiceError: with the service's error type for the first broken rule.
    """
    problems: list[str] = []
    name = _stream_name(members, problems)
    data = _record(members.get("Record"), "record", problems)
    _refuse(problems)
    return Put(name, (data,))


def put_record_batch(members: dict[str, object]) -> Put:
    """Check the members of a PutRecordBatch call.

    Raises:
        ServiceError: with the service's error type for the first broken rule; nothing of the call
            is stored then.
    """
    problems: list[str] = []
    name = _stream_name(members, problems)
    entries = members.get("Records")
    if entries is None:
        problems.append(_constraint("null", "records", "Member must not be null"))
        entries = []
    elif not isinstance(entries, list):
        raise _unexpected(entries, "Records", "a list")
    elif not entries:
        problems.append(
            _constraint("'[]'", "records", "Member must have length greater than or equal to 1")
        )
    elif len(entries) > MAX_CALL_RECORDS:
        problems.append(
            _constraint(
                f"'[{len(entries)} records]'",
                "records",
                f"Member must have length less than or equal to {MAX_CALL_RECORDS}",
            )
        )
    records = tuple(
        _record(entry, f"records.{number}.member", problems)
        for number, entry in enumerate(entries, start=1)
    )
    _refuse(problems)
    if sum(map(len, records)) > MAX_CALL_BYTES:
        raise ServiceError("InvalidArgumentException", "Records size exceeds 4 MB limit")
    return Put(name, records)


def stream_name(members: dict[str, object]) -> str:
    """Return the checked `DeliveryStreamName` of a control call.

    Raises:
        ServiceError: `ValidationException` or `SerializationException`.
    """
    problems: list[str] = []
    name = _stream_name(members, problems)
    _refuse(problems)
    return name


def name_problem(name: str) -> str | None:
    """Return the rule that a stream name breaks, None when it keeps all of them."""
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        edge = "greater than or equal to 1" if not name else "less than or equal to 64"
        return f"Member must have length {edge}"
    if not re.fullmatch(_NAME_PATTERN, name):
        return f"Member must satisfy regular expression pattern: {_NAME_PATTERN}"
    return None


def _stream_name(members: dict[str, object], problems: list[str]) -> str:
    name = members.get("DeliveryStreamName")
    if name is None:
        problems.append(_constraint("null", "deliveryStreamName", "Member must not be null"))
        return ""
    if not isinstance(name, str):
        raise _unexpected(name, "DeliveryStreamName", "a string")
    problem = name_problem(name)
    if problem:
        problems.append(_constraint(f"'{name}'", "deliveryStreamName", problem))
    return name


def _record(entry: object, path: str, problems: list[str]) -> bytes:
    if entry is None:
        problems.append(_constraint("null", path, "Member must not be null"))
        return b""
    if not isinstance(entry, dict):
        raise _unexpected(entry, path, "a structure")
    text = entry.get("Data")
    if text is None:
        problems.append(_constraint("null", f"{path}.data", "Member must not be null"))
        return b""
    if not isinstance(text, str):
        raise _unexpected(text, f"{path}.data", "a base64 string")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ServiceError(
            "SerializationException", f"{path}.data is not valid base64: {error}"
        ) from None
    if len(data) > MAX_RECORD_BYTES:
        size = len(data)
        problems.append(
            _constraint(
                f"'java.nio.HeapByteBuffer[pos=0 lim={size} cap={size}]'",
                f"{path}.data",
                f"Member must have length less than or equal to {MAX_RECORD_BYTES}",
            )
        )
    return data


def _constraint(value: str, path: str, rule: str) -> str:
    return f"Value {value} at '{path}' failed to satisfy constraint: {rule}"


def _refuse(problems: list[str]) -> None:
    if not problems:
        return
    count = len(problems)
    head = f"{count} validation error{'s' if count > 1 else ''} detected: "
    raise ServiceError("ValidationException", head + "; ".join(problems))


def _unexpected(value: object, path: str, wanted: str) -> ServiceError:
    found = _TYPE_NAMES.get(type(value), "NUMBER_VALUE")
    return ServiceError("SerializationException", f"{found} at {path} cannot be read as {wanted}")
