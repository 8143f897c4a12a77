from __future__ import annotations

from firehose_logging import _threads
from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.caller import CALL_TIMEOUT, Caller, Calls
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._natives import get_ident
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import backlog as make_backlog
from support.stage import own_body


def test_one_transport_for_all_calls():
    """Made before the first call; closed with the caller."""
    made, closed = [], []

    class Closing(MemoryTransport):
        def close(self):
            closed.append(1)

    def make():
        made.append(Closing())
        return made[0]

    caller = Caller(make, ManualClock())
    caller.close()
    assert caller.send([b"x\n"]).codes == [None]
    caller.send([b"y\n"])
    caller.close()

    assert (len(made), closed) == (1, [1])


def test_whatever_goes_wrong_is_an_outcome():
    """A transport that cannot be made, or raises, costs a call; the next one tries anew."""

    def make():
        raise RuntimeError("no transport today")

    outcome = Caller(make, ManualClock()).send([b"x\n"])

    assert (outcome.codes, outcome.error) == (None, "RuntimeError")
    assert get_ident() not in _threads.calling


def test_a_call_hangs_after_a_while():
    """Only while it is under way: the making of its transport does not count."""
    clock = ManualClock()
    seen = []

    class Looks(MemoryTransport):
        def send(self, records, timeout):
            assert timeout == CALL_TIMEOUT
            assert get_ident() in _threads.calling
            seen.append(caller.hangs(1.0))
            clock.advance(1.5)
            seen.append(caller.hangs(1.0))
            return CallOutcome([None])

    def make():
        clock.advance(60)
        seen.append(caller.hangs(1.0))
        return Looks()

    caller = Caller(make, clock)
    caller.send([b"x\n"])

    assert seen == [False, False, True]
    assert not caller.hangs(0.0)


def test_what_a_call_that_was_given_up_comes_to_is_good_news_only():
    """Stored after all its lines are delivered, and nobody sends them again or waits for it."""
    clock = ManualClock()
    _, backlog = make_backlog(clock)
    booking = Booking("logs", backlog.batcher, backlog.losses, lambda: 0.5)
    closed = []

    class Hangs:
        """A transport whose call is given up while it is under way."""

        def send(self, records, timeout):
            assert not calls.hang(1.0)
            clock.advance(1.5)
            assert calls.hang(1.0)
            backlog.exclusively(calls.give_up)
            assert backlog.batcher.queued_bytes
            return CallOutcome([None])

        def close(self) -> None:
            closed.append(True)

    calls = Calls(backlog, booking, Hangs, clock, own_body)
    backlog.add('{"message":"a"')
    records = backlog.exclusively(backlog.batcher.take)
    calls.begin()
    calls.make(records, None)

    assert (calls.busy, closed) == (False, [True])
    assert backlog.counts()["delivered"] == 1
    assert not backlog.batcher.queued_bytes
