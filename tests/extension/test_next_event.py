from __future__ import annotations

import pytest

from firehose_logging._extension.lambda_api import LambdaApiError
from firehose_logging._extension.next_event import (
    FIRST_RETRY,
    LONGEST_RETRY,
    NextEvent,
    NoEvents,
)

REFUSED = LambdaApiError(403, "Extension.UnknownExtensionIdentifier", "who?")
GONE = LambdaApiError(0, "ConnectionRefusedError", "nobody there")


class Api:
    """The API's client, answering as scripted; an exception is raised."""

    def __init__(self) -> None:
        self.asks: list[LambdaApiError | None] = []  # what each ask meets; none left: it works
        self.answers: list[object] = []
        self.asked = 0
        self.closed = False

    def ask_next(self) -> None:
        self.asked += 1
        trouble = self.asks.pop(0) if self.asks else None
        if trouble is not None:
            raise trouble

    def read_next(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, LambdaApiError):
            raise answer
        return answer

    def fileno(self) -> int:
        return 7

    def close(self) -> None:
        self.closed = True


def test_asked_once_until_answered():
    """A question is put once; after its answer the next one may be put."""
    api = Api()
    next_event = NextEvent(api)
    next_event.ask(100.0)
    next_event.ask(100.0)
    api.answers = [None, {"eventType": "INVOKE"}]

    assert (api.asked, next_event.fileno()) == (1, 7)
    assert next_event.read(100.1) is None
    assert next_event.asking
    assert next_event.read(100.2) == {"eventType": "INVOKE"}
    assert (next_event.asking, next_event.fileno()) == (False, -1)
    next_event.ask(100.3)
    assert api.asked == 2


@pytest.mark.parametrize("trouble", [GONE, REFUSED, LambdaApiError(500, "Refused", "")])
def test_whatever_is_answered_it_is_asked_again(trouble, capfd):
    """No status and no silence ends the asking."""
    api = Api()
    next_event = NextEvent(api)
    next_event.ask(100.0)
    api.answers = [trouble]

    assert next_event.read(100.0) is None
    assert next_event.wakes_at() == 100.0 + FIRST_RETRY
    next_event.tick(100.0)
    assert api.asked == 1
    next_event.tick(100.0 + FIRST_RETRY)
    assert (api.asked, next_event.asking, next_event.wakes_at()) == (2, True, None)
    assert ("refused the next event" in capfd.readouterr().err) == bool(trouble.status)


def test_an_hour_without_the_api():
    """The pauses grow to a bound, and there is no last attempt; the first answer resets them."""
    api = Api()
    api.asks = [GONE] * 3_600
    next_event = NextEvent(api)
    now = 0.0
    next_event.ask(now)
    pauses = []
    while not next_event.asking:
        at = next_event.wakes_at()
        assert at is not None
        pauses.append(at - now)
        now = at
        next_event.tick(now)

    assert api.asked == 3_601
    assert pauses[0] == pytest.approx(FIRST_RETRY)
    assert pauses[:4] == sorted(pauses[:4])
    assert max(pauses) == pytest.approx(LONGEST_RETRY)
    api.answers = [{}, GONE]
    next_event.read(now)
    next_event.ask(now)
    next_event.read(now)
    assert next_event.wakes_at() == now + FIRST_RETRY


def test_closed_is_silent():
    """After close nothing is asked and nothing is due."""
    api = Api()
    api.asks = [GONE]
    next_event = NextEvent(api)
    next_event.ask(100.0)
    next_event.close()

    next_event.tick(1_000.0)
    assert (api.asked, api.closed, next_event.wakes_at()) == (1, True, None)


def test_where_no_events_come():
    """The stand-in has nothing to poll, to read or to wait for."""
    nothing = NoEvents()
    nothing.tick(100.0)
    nothing.close()

    assert (nothing.fileno(), nothing.read(100.0), nothing.wakes_at()) == (-1, None, None)
