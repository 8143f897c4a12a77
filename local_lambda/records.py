"""The records of platform events, built from what is known of an init or an invocation; pure.

Shapes: "Lambda Telemetry API Event schema reference" of the developer guide.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .function import Function
    from .invocation import Invocation


def milliseconds(seconds: float) -> float:
    """Return a duration as telemetry writes it: milliseconds with three decimals."""
    return round(seconds * 1000, 3)


def span(name: str, start: float, end: float, now: float) -> dict[str, Any]:
    """Return a span; `start`, `end` and `now` (the present) are monotonic seconds."""
    begun = datetime.now(timezone.utc) - timedelta(seconds=now - start)
    text = begun.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"name": name, "start": text, "durationMs": milliseconds(max(0.0, end - start))}


def init_start(function: Function, phase: str, instance_id: str, runtime: str) -> dict[str, Any]:
    """Return the record of platform.initStart; `runtime` is like `python:3.12`."""
    return {
        "initializationType": function.initialization_type,
        "phase": phase,
        "runtimeVersion": runtime,
        "functionName": function.name,
        "functionVersion": function.version,
        "instanceId": instance_id,
        "instanceMaxMemory": function.memory_mb * 1024 * 1024,
    }


def init_runtime_done(
    function: Function, phase: str, status: str, error_type: str | None
) -> dict[str, Any]:
    """Return the record of platform.initRuntimeDone."""
    record = {
        "initializationType": function.initialization_type,
        "phase": phase,
        "status": status,
    }
    return _with_error(record, error_type)


def init_report(
    function: Function, phase: str, status: str, error_type: str | None, seconds: float
) -> dict[str, Any]:
    """Return the record of platform.initReport."""
    record = {
        "initializationType": function.initialization_type,
        "phase": phase,
        "status": status,
        "metrics": {"durationMs": milliseconds(seconds)},
    }
    return _with_error(record, error_type)


def restore_start(function: Function, instance_id: str, runtime: str) -> dict[str, Any]:
    """Return the record of platform.restoreStart; `runtime` is like `python:3.12`."""
    record = init_start(function, "", instance_id, runtime)
    return {k: v for k, v in record.items() if k not in ("initializationType", "phase")}


def restore_runtime_done(status: str, error_type: str | None) -> dict[str, Any]:
    """Return the record of platform.restoreRuntimeDone."""
    return _with_error({"status": status}, error_type)


def restore_report(status: str, error_type: str | None, seconds: float) -> dict[str, Any]:
    """Return the record of platform.restoreReport."""
    record = {"status": status, "metrics": {"durationMs": milliseconds(seconds)}}
    return _with_error(record, error_type)


def start(function: Function, invocation: Invocation) -> dict[str, Any]:
    """Return the record of platform.start."""
    record: dict[str, Any] = {
        "requestId": invocation.request_id,
        "version": function.version,
        "functionArn": function.arn,
    }
    if invocation.tenant_id is not None:
        record["tenantId"] = invocation.tenant_id
    return _with_tracing(record, invocation)


def runtime_done(
    invocation: Invocation, status: str, error_type: str | None, now: float
) -> dict[str, Any]:
    """Return the record of platform.runtimeDone; `now` is monotonic."""
    record: dict[str, Any] = {
        "requestId": invocation.request_id,
        "status": status,
        "metrics": {
            "durationMs": milliseconds(now - invocation.started_at),
            "producedBytes": invocation.produced_bytes,
        },
    }
    if invocation.responded_at is not None:
        overhead = span("runtimeOverhead", invocation.responded_at, now, now)
        record["spans"] = [*_response_spans(invocation, invocation.responded_at, now), overhead]
    return _with_tracing(_with_error(record, error_type), invocation)


def report(
    function: Function,
    invocation: Invocation,
    *,
    now: float,
    memory_bytes: int,
    init_seconds: float | None,
    restore_seconds: float | None = None,
) -> dict[str, Any]:
    """Return the record of platform.report.

    `now` is monotonic; `init_seconds` is the Init that this invocation waited for, None without
    one, and so is `restore_seconds` for a restored snapshot. Init is billed since August 2025 (AWS
    Compute Blog, "standardizes billing for INIT phase").
    """
    duration = min(now - invocation.started_at, invocation.timeout)
    metrics = {
        "durationMs": milliseconds(duration),
        "billedDurationMs": math.ceil(milliseconds(duration + (init_seconds or 0.0))),
        "memorySizeMB": function.memory_mb,
        "maxMemoryUsedMB": math.ceil(memory_bytes / 1024 / 1024),
    }
    if restore_seconds is not None:
        metrics["restoreDurationMs"] = milliseconds(restore_seconds)
    if init_seconds is not None:
        metrics["initDurationMs"] = milliseconds(init_seconds)
    record: dict[str, Any] = {
        "requestId": invocation.request_id,
        "status": invocation.status,
        "metrics": metrics,
    }
    done = invocation.runtime_done_at
    if done is not None and now > done:
        record["spans"] = [span("extensionOverhead", done, now, now)]
    return _with_tracing(_with_error(record, invocation.error_type), invocation)


def managed_report(invocation: Invocation, *, now: float) -> dict[str, Any]:
    """Return the record of platform.report on Managed Instances, which bills no invocations."""
    record: dict[str, Any] = {
        "requestId": invocation.request_id,
        "status": invocation.status,
        "metrics": {"durationMs": milliseconds(now - invocation.started_at)},
    }
    if invocation.responded_at is not None:
        record["spans"] = _response_spans(invocation, invocation.responded_at, now)
    return _with_tracing(_with_error(record, invocation.error_type), invocation)


def _response_spans(invocation: Invocation, responded: float, now: float) -> list[dict[str, Any]]:
    begun = invocation.response_started_at or responded
    return [
        span("responseLatency", invocation.started_at, begun, now),
        span("responseDuration", begun, responded, now),
    ]


def _with_error(record: dict[str, Any], error_type: str | None) -> dict[str, Any]:
    if error_type:
        record["errorType"] = error_type
    return record


def _with_tracing(record: dict[str, Any], invocation: Invocation) -> dict[str, Any]:
    tracing = invocation.tracing()
    if tracing is not None:
        record["tracing"] = tracing
    return record
