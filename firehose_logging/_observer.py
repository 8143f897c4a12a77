"""What the runtime client tells, and whom."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Observer(Protocol):
        """Whoever wants to know; must not raise."""

        def hooked(self) -> None:
            """The boundaries of invocations will be told."""

        def client_read(self) -> None:
            """The runtime client's code has been read, or that has failed."""

        def runtime_starts(self) -> None:
            """The runtime client begins its work in this process."""

        def invocation_began(
            self,
            request_id: str,
            trace_header: str | None,
            tenant_id: str | None,
            *,
            invocation_id: str | None = None,
            execution_arn: str | None = None,
        ) -> None:
            """The handler is about to run."""

        def invocation_ended(self, request_id: str | None) -> None:
            """The response or error is posted."""

        def runtime_error(self, report: dict[str, Any], error: BaseException | None) -> None:
            """The runtime client reports an error of the handler, or of its import."""

        def context_logged(self, text: str, log: Callable[[], Any]) -> Any:
            """The function has called ``context.log``, of which ``log`` does the rest."""

        def quietly(self, action: Callable[[], Any]) -> Any:
            """Do something whose output is told already, in a better form."""

        def silenced(self) -> bool:
            """Whether the runtime's own error output is to be kept back."""
