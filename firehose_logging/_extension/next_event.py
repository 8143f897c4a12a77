"""Asking Lambda for the next event: again and again, however long its API does not answer.

An environment whose extension does not ask hangs until the function's time-out, so nothing that
the API says or does not say ends the asking.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell
from firehose_logging._extension.lambda_api import LambdaApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._extension.lambda_api import LambdaApi

#: Seconds before it is asked again after a first failure; twice as many after each further one.
FIRST_RETRY = 0.05

#: Most seconds in between: also how long an invocation may wait for us once the API is back.
LONGEST_RETRY = 1.0


class NextEvent:
    """The long poll for the next event, and its back-off.

    Args:
        api: registered.
        asking: whether it has been asked already.
    """

    def __init__(self, api: LambdaApi, *, asking: bool = False) -> None:
        self._api = api
        # All mutable state.
        self._asking = asking
        self._retry_at: float | None = None
        self._delay = FIRST_RETRY

    @property
    def asking(self) -> bool:
        """Whether the question has been put and not been answered yet."""
        return self._asking

    def ask(self, now: float) -> None:
        """Ask, unless that is done already; where it fails, ``tick`` asks again."""
        if self._asking:
            return
        try:
            self._api.ask_next()
        except LambdaApiError as error:
            self._failed(error, now)
            return
        self._asking = True
        self._retry_at = None

    def fileno(self) -> int:
        """Descriptor to poll for the answer; -1 when none is awaited."""
        return self._api.fileno() if self._asking else -1

    def read(self, now: float) -> dict[str, Any] | None:
        """The event asked for; None while it is incomplete, or when it must be asked for again."""
        try:
            event = self._api.read_next()
        except LambdaApiError as error:
            self._asking = False
            self._failed(error, now)
            return None
        if event is not None:
            self._asking = False
            self._delay = FIRST_RETRY
        return event

    def _failed(self, error: LambdaApiError, now: float) -> None:
        if error.status:
            text = f"Lambda refused the next event, asking again: {error}"
            tell(text, code="extension_refused", once="next")
        self._retry_at = now + self._delay
        self._delay = min(self._delay * 2, LONGEST_RETRY)

    def wakes_at(self) -> float | None:
        """When to call ``tick``; None while nothing has failed."""
        return self._retry_at

    def tick(self, now: float) -> None:
        """Ask again, if it is time to."""
        if self._retry_at is not None and now >= self._retry_at:
            self.ask(now)

    def close(self) -> None:
        """Stop asking and close the connection."""
        self._asking = False
        self._retry_at = None
        self._api.close()

    def __repr__(self) -> str:
        return f"<NextEvent {'asking' if self._asking else self._retry_at}>"


class NoEvents:
    """In the place of ``NextEvent`` where another process is the extension, or nobody is."""

    asking = False

    def fileno(self) -> int:
        """There is nothing to poll."""
        return -1

    def read(self, now: float) -> None:
        """There is nothing to read."""

    def wakes_at(self) -> None:
        """Nothing is ever due."""

    def tick(self, now: float) -> None:
        """Nothing is ever due."""

    def close(self) -> None:
        """There is nothing to close."""
