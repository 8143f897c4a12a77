"""As much of Lambda's APIs as a start needs: registers, subscribes, and has no event."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from benchmarks.serving import Answers, Server

if TYPE_CHECKING:
    from types import TracebackType


class RuntimeApi(Server):
    """On a port of its own; a context manager."""

    def __init__(self) -> None:
        super().__init__(_Answers)
        self.over = threading.Event()

    @property
    def address(self) -> str:
        """For ``AWS_LAMBDA_RUNTIME_API``."""
        return f"127.0.0.1:{self.server_port}"

    def __enter__(self) -> RuntimeApi:
        """Start it."""
        super().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of those who wait, and stop it."""
        self.over.set()
        super().__exit__(kind, error, trace)


class _Answers(Answers):
    def do_GET(self) -> None:  # noqa: N802 - http.server asks for it
        """The next event: there is none."""
        assert isinstance(self.server, RuntimeApi)
        self.server.over.wait()

    def do_POST(self) -> None:  # noqa: N802 - http.server asks for it
        """Yes to everything."""
        self.read()
        body = b'{"functionName":"bench","functionVersion":"1","handler":"a.b"}'
        identifier = "0" * 8 + "-0000-0000-0000-" + "0" * 12
        self.answer(body, Lambda_Extension_Identifier=identifier)

    do_PUT = do_POST  # noqa: N815 - http.server's name
