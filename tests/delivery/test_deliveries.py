from __future__ import annotations

import pytest

from firehose_logging._delivery.deliveries import Deliveries
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import unthreaded

BODY = '{"message":"x"'
BLOCKED = CallOutcome(error="ResourceNotFoundException", status=400)


@pytest.fixture
def two():
    """Two deliveries as one, and their transports."""
    clock = ManualClock()
    transports = [MemoryTransport(), MemoryTransport()]
    deliveries = Deliveries(clock)
    for number, transport in enumerate(transports):
        deliveries.get((f"s{number}", 0), lambda transport=transport: unthreaded(transport, clock))
    return deliveries, transports


def test_one_delivery_a_stream(two):
    """A key gives the same delivery every time."""
    deliveries, _ = two
    known = deliveries.all()[0]

    assert deliveries.get(("s0", 0), lambda: pytest.fail("made again")) is known
    assert len(deliveries.all()) == 2


def test_settled_when_all_are(two):
    """A flush is done when each stream has its lines."""
    deliveries, _ = two
    for delivery in deliveries.all():
        delivery.add(BODY)
    targets = deliveries.request_flush()
    first, second = deliveries.all()

    first.dispatcher.step()
    assert not deliveries.settled(targets)
    assert deliveries.pending() == 1
    second.dispatcher.step()
    assert deliveries.settled(targets)
    assert deliveries.oldest() is None


def test_a_stream_without_lines_fails_nobody(two):
    """Failing is what has lines and cannot deliver them."""
    deliveries, transports = two
    transports[0].outcomes = [BLOCKED]
    first = deliveries.all()[0]
    assert not deliveries.failing
    first.add(BODY)
    first.request_flush()
    first.dispatcher.step()

    assert deliveries.failing


def test_a_flush_adds_up(two):
    """What each came to, together; a timeout of 0 only asks."""
    deliveries, _ = two
    for delivery in deliveries.all():
        delivery.add(BODY)
    result = deliveries.flush(0)

    assert (result.delivered, result.pending) == (0, 2)
    deliveries.after_fork()
    assert deliveries.pending() == 0


def test_flushed_within_one_budget(two):
    """Both streams are flushed; the counts of what happened are added up."""
    deliveries, transports = two
    transports[1].outcomes = [CallOutcome(["ServiceUnavailable"])]
    for delivery in deliveries.all():
        delivery.add(BODY)
    result = deliveries.flush(0)

    assert (result.delivered, result.pending, result.lost) == (0, 2, {})
    assert not deliveries.lacks_thread


def test_what_is_done_to_each(two, monkeypatch):
    """The end of the environment, a fork and the journals concern every delivery."""
    deliveries, _ = two
    called = []
    for name in ("divert", "close_journal", "forked", "after_fork"):
        for delivery in deliveries.all():
            monkeypatch.setattr(delivery, name, lambda name=name: called.append(name))
    deliveries.divert()
    deliveries.close_journals()
    deliveries.forked()
    deliveries.after_fork()

    assert called == [
        name
        for name in ("divert", "close_journal", "forked", "after_fork")
        for _ in deliveries.all()
    ]


def test_kept_when_each_journal_has_all(two):
    """Nothing is kept where there is no journal and lines are pending."""
    deliveries, _ = two
    deliveries.all()[0].add(BODY)

    assert not deliveries.are_kept()
    assert deliveries.recovered
