"""The Lambda service on this machine: functions by name, invoked at once, later, or not at all."""

from __future__ import annotations

import base64
import dataclasses
import json
import queue
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .durable_executions import AlreadyStartedError, DurableExecutions
from .environments import Environments, ThrottledError
from .isolation import SandboxError
from .log_text import tail_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .durable import DurableExecution
    from .environment import LocalLambda
    from .invocation import InvocationResult

#: Seconds that a caller who asked for the log waits for the report.
REPORT_SECONDS = 30.0
#: The name under which AWS's emulator takes invocations of its one function.
RIE_NAME = "function"


class ServiceError(Exception):
    """A call that the service refuses: HTTP status, error code, message and further fields."""

    def __init__(self, status: int, code: str, message: str, **fields: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = fields


@dataclass(frozen=True)
class Call:
    """What is asked of a function; `log` is whether the tail of its log is wanted."""

    event: bytes
    client_context: Any = None
    tenant_id: str | None = None
    trace_id: str | None = None
    log: bool = False
    request_id: str | None = None
    #: Of a durable function: the name that the execution is to have, and the one that is started.
    execution_name: str | None = None
    execution: DurableExecution | None = None


@dataclass
class Streamed:
    """A response while it comes: `pieces` ends with the last one, then `outcome` is there."""

    pieces: Iterator[bytes]
    outcome: list[tuple[InvocationResult, bytes | None]] = field(default_factory=list)


class Service:
    """Functions and how they are called. Use as long as `close` has not been called."""

    def __init__(self, functions: Sequence[Environments]) -> None:
        self._functions = {each.function.name: each for each in functions}
        self.durable = DurableExecutions(self._invoke_other)
        self._pool = ThreadPoolExecutor(64, thread_name_prefix="streamed")

    @property
    def counts(self) -> list[str]:
        """What each function was called for: a line for people."""
        return [
            f"{name}: {each.calls} calls, {each.cold_starts} cold starts"
            for name, each in self._functions.items()
        ]

    @property
    def names(self) -> list[str]:
        """The names of the functions."""
        return list(self._functions)

    def environments(self, name: str) -> Environments:
        """Return the environments of a function.

        `name` may be a name, an ARN or a part of one, or `function` where there is but one.
        Raises `ServiceError`.
        """
        short = function_name(name)
        if short == RIE_NAME and len(self._functions) == 1:
            short = self.names[0]
        if short not in self._functions:
            raise ServiceError(
                404, "ResourceNotFoundException", f"Function not found: {name}", Type="User"
            )
        return self._functions[short]

    def check(self, name: str, call: Call) -> Environments:
        """Return whose function may be called so; raise `ServiceError`."""
        environments = self.environments(name)
        try:
            json.loads(call.event or b"{}")
        except ValueError as error:
            raise ServiceError(
                400,
                "InvalidRequestContentException",
                f"Could not parse request body into json: {error}",
                Type="User",
            ) from None
        if environments.function.tenant_isolation != (call.tenant_id is not None):
            word = "requires a" if call.tenant_id is None else "takes no"
            raise ServiceError(
                400,
                "InvalidParameterValueException",
                f"The function {environments.function.name} {word} tenant ID",
                Type="User",
            )
        return environments

    def invoke(
        self,
        name: str,
        call: Call,
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> tuple[InvocationResult, bytes | None]:
        """Invoke and wait: the result, and the tail of the log where asked; `ServiceError`.

        A durable function is invoked until its execution has ended.
        """
        environments = self.check(name, call)
        execution = call.execution or self.start_execution(name, call)
        if execution is not None:
            return self.durable.run(
                execution,
                lambda event: self._once(
                    environments, dataclasses.replace(call, event=event, request_id=None), None
                ),
            )
        return self._once(environments, call, on_chunk)

    def start_execution(self, name: str, call: Call) -> DurableExecution | None:
        """Start an execution of a durable function, None for any other; raise `ServiceError`."""
        function = self.check(name, call).function
        if not function.durable:
            return None
        try:
            return self.durable.start(function, call.event or b"{}", call.execution_name)
        except AlreadyStartedError as error:
            code = "DurableExecutionAlreadyStartedException"
            raise ServiceError(409, code, str(error), Type="User") from None

    def _invoke_other(self, name: str, event: bytes, tenant_id: str | None) -> InvocationResult:
        """Invoke what a durable function has asked for."""
        return self.invoke(name, Call(event, tenant_id=tenant_id))[0]

    def _once(
        self,
        environments: Environments,
        call: Call,
        on_chunk: Callable[[bytes], None] | None,
    ) -> tuple[InvocationResult, bytes | None]:
        try:
            with environments.environment(call.tenant_id) as environment:
                result = environment.invoke(
                    call.event or b"{}",
                    trace_id=call.trace_id,
                    tenant_id=call.tenant_id,
                    client_context=call.client_context,
                    request_id=call.request_id,
                    on_chunk=on_chunk,
                )
                return result, self._log(environment, result) if call.log else None
        except ThrottledError:
            raise ServiceError(
                429,
                "TooManyRequestsException",
                "Rate Exceeded.",
                Type="User",
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            ) from None
        except (SandboxError, OSError, RuntimeError) as error:
            raise ServiceError(500, "ServiceException", str(error), Type="Service") from None

    def attempt(self, name: str, call: Call) -> InvocationResult | None:
        """Invoke for who may try again later: None when the call cannot be served now."""
        try:
            return self.invoke(name, call)[0]
        except ServiceError:
            return None

    def stream(self, name: str, call: Call) -> Streamed:
        """Invoke and return the response while it comes; raise `ServiceError`."""
        self.check(name, call)
        pieces: queue.Queue[bytes | Exception | None] = queue.Queue()
        streamed = Streamed(_take_all(pieces))

        def run() -> None:
            try:
                result, log = self.invoke(name, call, pieces.put)
                streamed.outcome.append((result, log))
                pieces.put(None)
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                pieces.put(error)

        self._pool.submit(run)
        return streamed

    def close(self) -> None:
        """End all executions and environments."""
        self.durable.close()
        for environments in self._functions.values():
            environments.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _log(self, environment: LocalLambda, result: InvocationResult) -> bytes:
        environment.wait_idle(REPORT_SECONDS)
        as_json = environment.function.log_format == "JSON"
        tail = tail_of(
            result.request_id, environment.output, environment.telemetry, as_json=as_json
        )
        return base64.b64encode(tail)


def function_name(name: str) -> str:
    """Return the bare name out of a name, partial or whole ARN, with or without a qualifier."""
    parts = name.split(":")
    if "function" in parts[1:-1]:
        return parts[parts.index("function", 1) + 1]
    if len(parts) >= 2 and re.fullmatch(r"\d{12}", parts[0]):  # ACCOUNT:NAME
        return parts[1]
    return parts[0]


def _take_all(pieces: queue.Queue[bytes | Exception | None]) -> Iterator[bytes]:
    while (piece := pieces.get()) is not None:
        if isinstance(piece, Exception):
            raise piece
        yield piece
