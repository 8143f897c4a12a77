"""The lines that the platform itself writes into a function's log: START, END, REPORT, INIT_START.

Text as CloudWatch shows it; with log format JSON the platform's events are written as objects.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .logs import LogEvent
    from .telemetry import TelemetryEvent

#: Largest tail of a log that Invoke returns, bytes (API reference, Invoke, LogType).
TAIL_BYTES = 4096
#: Events that the platform writes into the log with log format JSON.
LOGGED = ("platform.start", "platform.runtimeDone", "platform.report")


def platform_line(event: TelemetryEvent, *, as_json: bool) -> str | None:
    """Return the line for a platform event, None for one that the log does not show."""
    if as_json:
        if event.type not in LOGGED:
            return None
        return json.dumps({"time": event.time, "type": event.type, "record": event.record})
    record = event.record
    if event.type == "platform.initStart":
        return f"INIT_START Runtime Version: {record['runtimeVersion']}"
    if event.type == "platform.start":
        return f"START RequestId: {record['requestId']} Version: {record['version']}"
    if event.type == "platform.end":
        return f"END RequestId: {record['requestId']}"
    if event.type == "platform.fault":
        return str(record)
    return _report(record) if event.type == "platform.report" else None


def _report(record: dict[str, Any]) -> str:
    metrics = record["metrics"]
    fields = [f"REPORT RequestId: {record['requestId']}", f"Duration: {metrics['durationMs']} ms"]
    if "billedDurationMs" in metrics:
        fields += [
            f"Billed Duration: {metrics['billedDurationMs']} ms",
            f"Memory Size: {metrics['memorySizeMB']} MB",
            f"Max Memory Used: {metrics['maxMemoryUsedMB']} MB",
        ]
    for name, word in (("initDurationMs", "Init"), ("restoreDurationMs", "Restore")):
        if name in metrics:
            fields.append(f"{word} Duration: {metrics[name]} ms")
    if record["status"] != "success":
        fields.append(f"Status: {record['status']}")
    if "errorType" in record:
        fields.append(f"Error Type: {record['errorType']}")
    return "\t".join(fields) + "\t"


def tail_of(
    request_id: str,
    output: Iterable[LogEvent],
    telemetry: Iterable[TelemetryEvent],
    *,
    as_json: bool,
) -> bytes:
    """Return the last 4 KB of what one invocation has logged, cut at no character."""
    lines: list[str] = []
    ends: list[str] = []
    for event in telemetry:
        record = event.record
        if isinstance(record, dict) and record.get("requestId") == request_id:
            line = platform_line(event, as_json=as_json)
            if line is not None:
                (lines if event.type == "platform.start" else ends).append(line)
    lines += [event.text for event in output if event.request_id == request_id]
    text = "".join(f"{line}\n" for line in [*lines, *ends]).encode()
    return text[-TAIL_BYTES:].decode("utf-8", "ignore").encode()
