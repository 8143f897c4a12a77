"""Asynchronous invocations: queued, tried again, and told to a destination when they fail.

Rules: "Asynchronous invocation" of the developer guide: a function error is tried twice more,
throttling for as long as the event may be old; the record's shape is that of a destination.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .function import Function
    from .invocation import InvocationResult
    from .service import Call

#: Attempts after the first one, at most (API reference, MaximumRetryAttempts).
MAX_RETRIES = 2
#: Seconds before the second and third attempt; the service waits 1 and 2 minutes.
DELAYS = (1.0, 2.0)
#: Seconds before a throttled or refused event is tried again.
THROTTLED_SECONDS = 1.0
#: Seconds after which a throttled event is given up: 6 hours.
MAX_AGE_SECONDS = 6 * 3600.0


@dataclass
class _Event:
    """One event on its way; `attempts` counts those that ended in a function error."""

    function: Function
    call: Call
    queued_at: float
    attempts: int = 0


class AsynchronousInvocations:
    """Invoke with `invoke` in threads of its own.

    `invoke` returns the result, or None when the call was throttled. `retries`: 0 to 2. `delays`:
    seconds before each. `failures`: file that gets a line of JSON for each event given up, None
    drops them silently, as the service does without a destination.
    """

    def __init__(
        self,
        invoke: Callable[[str, Call], InvocationResult | None],
        *,
        retries: int = MAX_RETRIES,
        delays: tuple[float, ...] = DELAYS,
        failures: Path | None = None,
    ) -> None:
        self._invoke = invoke
        self._retries = retries
        self._delays = delays
        self._failures = failures
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, _Event]] = []
        self._order = itertools.count()
        self._closed = False
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="asynchronous")
        self._thread = threading.Thread(target=self._run, name="asynchronous", daemon=True)
        self._thread.start()

    def put(self, function: Function, call: Call) -> str:
        """Queue an event; return its request id."""
        request_id = call.request_id or str(uuid.uuid4())
        call = replace(call, request_id=request_id)
        self._schedule(_Event(function, call, time.monotonic()), 0.0)
        return request_id

    def close(self) -> None:
        """Forget what waits; what runs is ended with its environment."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _schedule(self, event: _Event, delay: float) -> None:
        with self._changed:
            if not self._closed:
                entry = (time.monotonic() + delay, next(self._order), event)
                heapq.heappush(self._waiting, entry)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed:
                    now = time.monotonic()
                    if self._waiting and self._waiting[0][0] <= now:
                        break
                    self._changed.wait(self._waiting[0][0] - now if self._waiting else None)
                if self._closed:
                    return
                _, _, event = heapq.heappop(self._waiting)
            self._pool.submit(self._attempt, event)

    def _attempt(self, event: _Event) -> None:
        result = self._invoke(event.function.name, event.call)
        if result is None:
            if time.monotonic() - event.queued_at < MAX_AGE_SECONDS:
                self._schedule(event, THROTTLED_SECONDS)
            else:
                self._give_up(event, "EventAgeExceeded", None)
            return
        event.attempts += 1
        if result.function_error is None:
            return
        # What a durable execution ends with is its own; it has no second attempt.
        retries = self._retries if event.call.execution is None else 0
        if event.attempts <= retries:
            self._schedule(event, self._delays[event.attempts - 1])
        else:
            self._give_up(event, "RetriesExhausted", result)

    def _give_up(self, event: _Event, condition: str, result: InvocationResult | None) -> None:
        if self._failures is None:
            return
        record = destination_record(event.function, event.call, condition, event.attempts, result)
        with self._changed, self._failures.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def destination_record(
    function: Function, call: Call, condition: str, attempts: int, result: InvocationResult | None
) -> dict[str, Any]:
    """Return what a destination is sent."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": now,
        "requestContext": {
            "requestId": call.request_id,
            "functionArn": function.qualified_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(call.event or b"{}"),
    }
    if result is not None:
        record["responseContext"] = {
            "statusCode": 200,
            "executedVersion": function.version,
            "functionError": result.function_error,
        }
        record["responsePayload"] = result.payload
    return record
