from __future__ import annotations

from firehose_logging._delivery.caller import HUNG_AFTER
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.steps import Send, Stop, Wait
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import unthreaded

BODY = '{"message":"x"'
REFUSED = CallOutcome(error="ServiceUnavailableException", status=503)


def test_a_step_tells_what_it_was():
    """It sends what somebody asks for, else it waits; a caller's thread does not wait."""
    transport = MemoryTransport()
    dispatcher = unthreaded(transport, ManualClock(), background=False).dispatcher
    assert isinstance(dispatcher.step(), Wait)
    assert isinstance(dispatcher.step(inline=True), Stop)
    dispatcher._backlog.add(BODY)
    assert isinstance(dispatcher.step(), Wait)

    target = dispatcher.ask(urgent=False, hurried=False)
    assert not dispatcher.settled(target)
    assert isinstance(dispatcher.step(), Send)
    assert dispatcher.settled(target)
    assert len(transport.lines()) == 1


def test_progress_is_told_after_each_call():
    """Whoever holds the environment for a flush looks again, whatever came of the call."""
    seen = []
    transport = MemoryTransport()
    transport.outcomes = [REFUSED]
    delivery = unthreaded(transport, ManualClock(), background=False)
    dispatcher = delivery.dispatcher
    dispatcher._on_progress = lambda: seen.append(delivery.counts()["delivered"])
    delivery.add(BODY)
    dispatcher.ask(urgent=False, hurried=False)
    dispatcher.step()
    assert seen == [0]

    dispatcher.ask(urgent=True, hurried=False)  # no backing off
    dispatcher.step()
    assert seen == [0, 1]


def test_a_caller_sends_by_itself_where_there_is_no_thread():
    """Waiting for lines that nobody sends is no use: its own thread does, within its time."""
    transport = MemoryTransport()
    delivery = unthreaded(transport, ManualClock(), background=False)
    dispatcher = delivery.dispatcher
    dispatcher._worker._thread = None
    assert not dispatcher.has_thread
    delivery._backlog.add(BODY)

    dispatcher.wait_for(0, 0, urgent=False)
    assert not transport.calls
    dispatcher.wait_for(0, 5, urgent=False)
    assert dispatcher.settled(0)


def test_nobody_is_relieved_of_a_call_that_is_over():
    """Only a call that is under way hangs: what has answered keeps its thread."""
    clock = ManualClock()
    delivery = unthreaded(MemoryTransport(), clock, background=False)
    worker = delivery.dispatcher._worker
    delivery.add(BODY)
    delivery.dispatcher.ask(urgent=False, hurried=False)
    delivery.dispatcher.step()
    clock.advance(1)

    delivery.dispatcher.relieve(HUNG_AFTER)
    assert delivery.dispatcher._worker is worker
