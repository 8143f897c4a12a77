"""One invocation on its way through the environment, and what its caller gets."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Largest synchronous payload, request or response: 6 MB, and what the service lets through above
#: (developer guide, Lambda quotas; `interop.MaxPayloadSize` of AWS's emulator).
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024 + 100
#: Largest streamed response: 200 MB (developer guide, Lambda quotas).
MAX_STREAMED_BYTES = 200 * 1024 * 1024


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


def new_trace_id() -> str:
    """Return a tracing header as the service gives it to who asked for none: not sampled."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"


@dataclass(eq=False)
class Invocation:
    """The platform's side of one invocation; guarded by the environment's lock.

    Times named `*_at` are monotonic seconds; `deadline_ms` is epoch milliseconds.
    """

    event: bytes
    timeout: float
    trace_id: str | None = field(default_factory=new_trace_id)
    tenant_id: str | None = None
    client_context: Any = None
    cognito_identity: Any = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: Names one attempt of a request: a retry has the same request id.
    attempt_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    asked_at: float = field(default_factory=time.monotonic)
    started_at: float = 0.0
    deadline_at: float = 0.0
    deadline_ms: int = 0
    responded_at: float | None = None
    response_started_at: float | None = None
    runtime_done_at: float | None = None
    status: str = "success"
    error_type: str | None = None
    raw: bytes = b""
    produced_bytes: int = 0
    #: Gets each piece of a streamed response as it comes; None when nobody reads along.
    on_chunk: Callable[[bytes], None] | None = None
    result: InvocationResult | None = None
    answered: threading.Event = field(default_factory=threading.Event)

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
        return {"spanId": self.span_id, "type": "X-Amzn-Trace-Id", "value": self.trace_id}
