"""One invocation on its way through the environment, and what its caller gets."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

#: Largest synchronous payload, request or response: 6 MB, and what the service lets through above
#: (developer guide, Lambda quotas; `interop.MaxPayloadSize` of AWS's emulator).
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024 + 100


@dataclass(frozen=True)
class InvocationResult:
    """What the caller of a function gets.

    `payload` is the parsed JSON (None if it is none), `raw` the bytes, `function_error` the
    X-Amz-Function-Error header ("Unhandled", None on success), `error_type` and `error_message`
    come from an error's body; `answered_after` is seconds from the call to the answer.
    """

    request_id: str
    raw: bytes
    payload: Any
    function_error: str | None
    answered_after: float
    error_type: str | None = None
    error_message: str | None = None


@dataclass(eq=False)
class Invocation:
    """The platform's side of one invocation; guarded by the environment's lock.

    Times named `*_at` are monotonic seconds; `deadline_ms` is epoch milliseconds.
    """

    event: bytes
    timeout: float
    trace_id: str | None = None
    tenant_id: str | None = None
    client_context: Any = None
    cognito_identity: Any = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    asked_at: float = field(default_factory=time.monotonic)
    started_at: float = 0.0
    deadline_at: float = 0.0
    deadline_ms: int = 0
    start_told: bool = False
    responded_at: float | None = None
    response_started_at: float | None = None
    runtime_done_at: float | None = None
    status: str = "success"
    error_type: str | None = None
    raw: bytes = b""
    result: InvocationResult | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Start the clock of the function's timeout."""
        self.started_at = time.monotonic()
        self.deadline_at = self.started_at + self.timeout
        self.deadline_ms = int((time.time() + self.timeout) * 1000)

    def answer(self, raw: bytes, function_error: str | None = None) -> bool:
        """Give the caller his answer; False when he has one already."""
        if self.result is not None:
            return False
        try:
            payload = json.loads(raw)
        except ValueError:
            payload = None
        body = payload if function_error and isinstance(payload, dict) else {}
        self.raw = raw
        self.result = InvocationResult(
            self.request_id,
            raw,
            payload,
            function_error,
            time.monotonic() - self.asked_at,
            body.get("errorType"),
            body.get("errorMessage"),
        )
        self.answered.set()
        return True

    def fail(self, error_type: str, message: str) -> bool:
        """Answer with an error of the platform; False when the caller has an answer already."""
        body = {"errorType": error_type, "errorMessage": message}
        return self.answer(json.dumps(body).encode(), "Unhandled")

    def tracing(self) -> dict[str, str] | None:
        """Return the `tracing` object of telemetry and INVOKE events, None without a trace id."""
        if self.trace_id is None:
            return None
        return {"type": "X-Amzn-Trace-Id", "value": self.trace_id}
