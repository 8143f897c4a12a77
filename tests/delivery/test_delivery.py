from __future__ import annotations

import json
import threading

import pytest

from firehose_logging import _threads
from firehose_logging._delivery.caller import CALL_TIMEOUT, HUNG_AFTER
from firehose_logging._delivery.delivery import Delivery
from firehose_logging._delivery.journal import name_prefix
from firehose_logging._delivery.journal_files import Journal
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.steps import Send, Wait
from firehose_logging.errors import BUFFER_FULL, REFUSED, UNENCODABLE
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import threaded, unthreaded
from tools.waiting import wait_until

BODY = '{"message":"x"'
OK = CallOutcome([None])
THROTTLED = CallOutcome(error="ServiceUnavailableException", status=503)
TOO_LARGE = CallOutcome(error="413", status=413)
BLOCKED = CallOutcome(error="ResourceNotFoundException", message="no such stream", status=400)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that tests move."""
    return ManualClock()


@pytest.fixture
def transport() -> MemoryTransport:
    """A transport that stores everything unless told otherwise."""
    return MemoryTransport()


@pytest.fixture
def delivery(transport, clock) -> Delivery:
    """A delivery as in Lambda: nothing is sent unless asked for or much is queued."""
    return unthreaded(transport, clock)


def waits(delivery: Delivery) -> float | None:
    """How long the next step waits; it must not send or stop."""
    step = delivery.dispatcher.step()
    assert isinstance(step, Wait)
    return step.seconds


class Stalling(MemoryTransport):
    """Holds each call until it is let go."""

    def __init__(self, *outcomes: CallOutcome) -> None:
        super().__init__(outcomes)
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)

    def send(self, records, timeout):
        self.entered.release()
        assert self.leave.acquire(timeout=10)
        return super().send(records, timeout)


# -- when it sends -----------------------------------------------------------------------------


def test_nothing_is_sent_unless_asked(delivery, transport):
    """In Lambda a few lines wait for the extension's word, however old they grow."""
    delivery.add(BODY)

    assert waits(delivery) is None
    delivery.request_flush()
    delivery.dispatcher.step()
    assert [line["seq"] for line in transport.lines()] == [1]
    assert waits(delivery) is None


def test_half_a_call_is_sent_at_once(delivery, transport):
    """Much that is queued is delivered during the running invocation, without a flush."""
    for _ in range(4):
        assert waits(delivery) is None
        delivery.add('{"message":"' + "x" * 500_000 + '"')
    delivery.dispatcher.step()

    assert len(transport.lines()) == 4


def test_background_sends_by_age(transport, clock):
    """Outside Lambda the oldest line waits for the interval and no longer."""
    delivery = unthreaded(transport, clock, background=True, interval=10)
    delivery.add(BODY)
    clock.advance(4)
    delivery.add(BODY)

    assert waits(delivery) == pytest.approx(6)
    clock.advance(6)
    delivery.dispatcher.step()
    assert len(transport.lines()) == 2


def test_lines_after_the_target_wait(delivery, transport):
    """A flush asks for what was accepted before it; what comes later may wait."""
    delivery.add(BODY)
    target = delivery.request_flush()
    delivery.dispatcher.step()
    delivery.add(BODY)

    assert delivery.settled(target)
    assert waits(delivery) is None
    assert delivery.oldest() is not None


def test_oldest_counts_lines_in_flight(clock):
    """A line that is on its way is pending: freezing the environment now could break its call."""
    seen = []

    class Asks(MemoryTransport):
        def send(self, records, timeout):
            seen.append(delivery.oldest())
            return super().send(records, timeout)

    delivery = unthreaded(Asks(), clock)
    delivery.add(BODY)
    at = clock.now()
    delivery.request_flush()
    clock.advance(1)
    delivery.dispatcher.step()

    assert seen == [at]
    assert delivery.oldest() is None


# -- what becomes of calls ---------------------------------------------------------------------


def test_failed_call_is_sent_again_after_a_wait(transport, clock, delivery, monkeypatch):
    """A throttled call waits its back-off; its lines keep their numbers and arrive once."""
    monkeypatch.setattr(delivery.dispatcher.booking.backoff, "_random", lambda: 1.0)
    transport.outcomes = [THROTTLED]
    delivery.add(BODY)
    delivery.request_flush()
    delivery.dispatcher.step()

    assert delivery.failing
    assert waits(delivery) == pytest.approx(0.2)
    clock.advance(0.2)
    delivery.dispatcher.step()
    assert not delivery.failing
    assert [line["seq"] for line in transport.lines()] == [1]


def test_urgent_flush_does_not_wait(transport, delivery):
    """At the end of the environment one more call is made at once."""
    delivery.dispatcher.booking.backoff._random = lambda: 1.0
    transport.outcomes = [THROTTLED]
    delivery.add(BODY)
    delivery.request_flush()
    delivery.dispatcher.step()
    delivery.request_flush(urgent=True)
    delivery.dispatcher.step()

    assert len(transport.lines()) == 1


def test_only_failed_records_are_sent_again(transport, clock):
    """After a partial failure exactly the failed records come again, unchanged."""
    delivery = unthreaded(transport, clock)
    transport.outcomes = [CallOutcome([None, "InternalFailure", None])]
    for mark in "abc":
        delivery.add(f'{{"message":"{mark * 400_000}"')
    delivery.request_flush()
    delivery.dispatcher.step()
    clock.advance(60)
    delivery.dispatcher.step()

    first, second = transport.calls
    assert second == [first[1]]
    assert sorted(line["message"][0] for line in transport.lines()) == ["a", "b", "c"]
    assert delivery.counts()["balances"]


def test_too_large_call_is_halved(transport, delivery):
    """A call refused for its size comes again at once in halves, then in full size."""
    transport.outcomes = [TOO_LARGE]
    for _ in range(8):
        delivery.add('{"message":"' + "x" * 400_000 + '"')
    delivery.request_flush()
    for _ in range(3):
        delivery.dispatcher.step()

    assert [len(call) for call in transport.calls] == [8, 4, 4]
    assert not delivery.counts()["lost"]


def test_halving_ends_with_a_success(transport, delivery):
    """After a call that was stored, calls are full again."""
    transport.outcomes = [TOO_LARGE, TOO_LARGE]
    for _ in range(8):
        delivery.add('{"message":"' + "x" * 400_000 + '"')
    delivery.request_flush()
    for _ in range(4):
        delivery.dispatcher.step()

    assert [len(call) for call in transport.calls] == [8, 4, 2, 6]


def test_refused_for_size_is_no_outage(delivery, transport):
    """Halving goes on at once, so that whoever waits for the flush goes on waiting."""
    transport.outcomes = [TOO_LARGE]
    for _ in range(2):
        delivery.add('{"message":"' + "x" * 600_000 + '"')
    delivery.request_flush()
    delivery.dispatcher.step()

    assert not delivery.failing


def test_record_refused_for_good_is_lost_alone(clock, capfd):
    """One bad record in a call costs itself; the loss is told on stderr and in the stream."""

    class Picky(MemoryTransport):
        def send(self, records, timeout):
            if any(b"bad" in record for record in records):
                return CallOutcome(error="InvalidArgumentException", message="bad", status=400)
            return super().send(records, timeout)

    picky = Picky()
    delivery = unthreaded(picky, clock)
    for mark in ("good", "bad", "fine"):
        delivery.add(f'{{"message":"{mark * 100_000}"')
    delivery.request_flush()
    while isinstance(delivery.dispatcher.step(), Send):
        pass
    delivery.request_flush()
    delivery.dispatcher.step()

    lines = picky.lines()
    assert [line["message"][:4] for line in lines[:2]] == ["good", "fine"]
    assert lines[2]["own"] == {"code": "lines_lost", "lost": {REFUSED: 1}}
    assert delivery.counts()["lost"] == {REFUSED: 1}
    assert "InvalidArgumentException bad; the lines are lost" in capfd.readouterr().err


def test_block_is_told_once_and_keeps_lines(transport, delivery, clock, capfd):
    """An unknown stream is told once, with what to do; nothing is lost when it appears."""
    transport.outcomes = [BLOCKED] * 5
    delivery.add(BODY)
    for _ in range(6):
        delivery.request_flush()
        clock.advance(60)
        delivery.dispatcher.step()

    error = capfd.readouterr().err
    assert error.count("no such stream") == 1
    assert "check AWS_KINESIS_STREAM_NAME" in error
    assert [line["seq"] for line in transport.lines()] == [1]


def test_outage_is_told_after_three_calls(transport, delivery, clock, capfd):
    """A blip is not worth a line on stderr, an outage is, once."""
    transport.outcomes = [THROTTLED] * 8
    delivery.add(BODY)
    told = []
    for _ in range(8):
        delivery.request_flush()
        clock.advance(60)
        delivery.dispatcher.step()
        told.append("ServiceUnavailableException" in capfd.readouterr().err)

    assert told == [False, False, True, False, False, False, False, False]


@pytest.mark.parametrize("codes", [[], [None, None]])
def test_wrong_count_of_results_is_no_success(transport, delivery, clock, codes):
    """An answer that does not match the call is not believed; the records come again."""
    transport.outcomes = [CallOutcome(codes)]
    transport.stored.clear()
    delivery.add(BODY)
    delivery.request_flush()
    delivery.dispatcher.step()

    assert delivery.counts()["delivered"] == 0
    clock.advance(60)
    delivery.dispatcher.step()
    assert delivery.counts()["delivered"] == 1


def test_transport_that_raises_or_cannot_be_made(clock):
    """Whatever breaks below, the lines are kept and the next try makes a new start."""
    transport = MemoryTransport()
    made = []

    def make():
        made.append(1)
        if len(made) == 1:
            raise RuntimeError("no transport today")
        return transport

    delivery = unthreaded(make, clock)
    delivery.add(BODY)
    for _ in range(2):
        delivery.request_flush()
        delivery.dispatcher.step()
        clock.advance(60)

    assert len(made) == 2
    assert len(transport.lines()) == 1


def test_losses_are_told_in_the_stream(transport, clock):
    """When delivery works again, a line tells how many lines were lost and why, once."""
    delivery = unthreaded(transport, clock, buffer_bytes=65_536)
    for _ in range(4):
        delivery.add('{"message":"' + "x" * 20_000 + '"')
    delivery.lose(UNENCODABLE, 2)
    for _ in range(3):
        delivery.request_flush()
        delivery.dispatcher.step()

    lines = transport.lines()
    assert [line["seq"] for line in lines] == [2, 3, 4, 5]
    assert lines[-1]["own"]["lost"] == {BUFFER_FULL: 1, UNENCODABLE: 2}
    counts = delivery.counts()
    assert (counts["accepted"], counts["delivered"], counts["pending"]) == (7, 4, 0)
    assert counts["balances"]


# -- with its thread ---------------------------------------------------------------------------


@pytest.fixture
def made():
    """Deliveries made by a test, closed at its end."""
    deliveries: list[Delivery] = []
    yield deliveries
    for delivery in deliveries:
        delivery.close(0.1)


def test_flush_waits_and_counts(transport, made):
    """A flush returns when all is delivered, and says how many lines that were."""
    delivery = threaded(transport)
    made.append(delivery)
    for _ in range(10):
        delivery.add(BODY)

    result = delivery.flush()

    assert (result.delivered, result.pending, result.lost) == (10, 0, {})
    assert result
    assert repr(result) == "FlushResult(delivered=10, pending=0, lost={})"


def test_flush_returns_at_its_timeout(made):
    """A flush gives up when its time is over; the lines stay pending and are delivered later."""
    transport = Stalling()
    delivery = threaded(transport)
    made.append(delivery)
    delivery.add(BODY)

    result = delivery.flush(0.05)

    assert (result.delivered, result.pending, bool(result)) == (0, 1, False)
    transport.leave.release()
    assert delivery.flush(10)
    assert len(transport.lines()) == 1


def test_flush_without_a_limit_does_not_wait_for_an_outage(made):
    """Without a timeout a flush waits as long as it takes, but not for a stream that fails."""
    transport = MemoryTransport([BLOCKED] * 100)
    delivery = threaded(transport)
    made.append(delivery)
    delivery.add(BODY)

    result = delivery.flush()

    assert result.pending == 1


def test_flush_tells_what_was_lost_meanwhile(made):
    """Lines refused for good during a flush are in its result, earlier ones are not."""
    transport = MemoryTransport([CallOutcome(error="ValidationException", status=400)])
    delivery = threaded(transport)
    made.append(delivery)
    delivery.lose(UNENCODABLE)
    delivery.add(BODY)

    result = delivery.flush()

    assert result.lost == {REFUSED: 1}
    assert not result


def test_flushes_from_many_threads(transport, made):
    """Flushes at the same time all come back."""
    delivery = threaded(transport)
    made.append(delivery)
    results = []

    def work() -> None:
        for _ in range(50):
            delivery.add(BODY)
            results.append(delivery.flush(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(results) == 200
    assert not any(result.lost for result in results)
    delivery.flush(10)
    assert [line["seq"] for line in transport.lines()] == list(range(1, 201))


def test_lines_are_accepted_while_a_call_is_on_its_way(made):
    """Nobody who logs waits for the network."""
    transport = Stalling()
    delivery = threaded(transport)
    made.append(delivery)
    delivery.add(BODY)
    delivery.request_flush()
    assert transport.entered.acquire(timeout=10)
    for _ in range(100):
        delivery.add(BODY)

    assert delivery.counts()["pending"] == 101
    transport.leave.release(10)
    assert delivery.flush(10)


@pytest.mark.parametrize("how", ["the end", "a thaw"])
def test_a_call_that_hangs_keeps_nothing_back(made, how):
    """What it holds and what is behind it go out on a second connection; each line counts once."""
    stuck, fresh = Stalling(), MemoryTransport()
    transports = [stuck, fresh]
    clock = ManualClock()
    delivery = threaded(lambda: transports.pop(0), clock, background=False)
    made.append(delivery)
    delivery.add(BODY)
    delivery.request_flush()
    assert stuck.entered.acquire(timeout=10)
    delivery.add(BODY)
    target = delivery.request_flush()
    assert not fresh.calls
    clock.advance(HUNG_AFTER + 0.01 if how == "the end" else CALL_TIMEOUT + HUNG_AFTER + 0.01)
    target = delivery.request_flush(urgent=how == "the end")
    wait_until(lambda: delivery.settled(target))

    assert [line["seq"] for line in fresh.lines()] == [1, 2]
    stuck.leave.release()
    wait_until(lambda: stuck.stored)
    counts = delivery.counts()
    assert (counts["delivered"], counts["pending"], counts["balances"]) == (2, 0, True)
    assert not transports


def test_a_call_that_was_given_up_may_still_be_good_news(made):
    """Stored after all, before the second connection had it: it is delivered then."""
    stuck = Stalling()
    second = Stalling(THROTTLED)
    transports = [stuck, second]
    clock = ManualClock()
    delivery = threaded(lambda: transports.pop(0), clock, background=False)
    made.append(delivery)
    delivery.lose(UNENCODABLE, 2)
    delivery.add(BODY)
    delivery.request_flush()
    assert stuck.entered.acquire(timeout=10)
    clock.advance(1)
    target = delivery.request_flush(urgent=True)
    assert second.entered.acquire(timeout=10)
    stuck.leave.release()
    wait_until(lambda: delivery.settled(target))
    second.leave.release(10)

    counts = delivery.counts()
    assert counts["delivered"] == 1
    assert counts["balances"]
    wait_until(lambda: second.calls and not delivery.dispatcher.calls.busy)
    clock.advance(60)
    delivery.request_flush()
    wait_until(lambda: any("own" in line for line in second.lines()))  # what was lost is told


def test_close_twice_then_on(transport):
    """Closing delivers and ends the thread; twice is fine, and later lines start a new one."""
    delivery = threaded(transport)
    delivery.add(BODY)

    assert delivery.close(10)
    assert not delivery.dispatcher._worker.alive
    assert delivery.close(10)
    delivery.add(BODY)
    assert delivery.close(10)
    assert [line["seq"] for line in transport.lines()] == [1, 2]


def test_no_thread_to_be_had(transport, monkeypatch):
    """Where no thread can be started, a flush delivers on its caller's thread."""
    from firehose_logging import _threads

    def refuse(name, target):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "spawn", refuse)
    delivery = threaded(transport)
    delivery.add(BODY)

    assert delivery.flush(10).delivered == 1
    assert threading.active_count() == 1 or not delivery.dispatcher._worker.alive


@pytest.mark.parametrize("lines", [0, 1])
def test_no_thread_at_the_exit(transport, monkeypatch, tmp_path, lines):
    """Python 3.12.0 starts none then: the last flush takes over what others left, too."""

    def refuse(name, target):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    dead = Journal(str(tmp_path), name_prefix("logs"), "1-dead")
    for number in range(3):
        dead.append(number, b'{"seq":%d}\n' % (number + 1), 0.0, lambda: 0)
    dead.close(keep=True)
    monkeypatch.setattr(_threads, "spawn", refuse)
    monkeypatch.setattr(_threads, "is_ending", lambda: True)
    delivery = threaded(transport, journal_folder=str(tmp_path))
    for _ in range(lines):
        delivery.add(BODY)
    assert not delivery.flush(10, urgent=True).pending
    delivery.close_journal()

    told = [line["seq"] for line in transport.lines()]
    assert sorted(told) == sorted([*range(1, 4), *range(1, 2 + lines)])


def test_who_logs_does_not_make_what_sends(transport, made, monkeypatch):
    """It is made by a thread of ours: a signal handler may raise in a log call."""
    delivery = threaded(transport)
    made.append(delivery)
    seen, make = [], delivery._make_dispatcher

    def noted() -> object:
        seen.append(_threads.is_own())
        return make()

    monkeypatch.setattr(delivery, "_make_dispatcher", noted)
    delivery.add(BODY)

    wait_until(transport.lines, what="the line")
    assert seen == [True]


def test_no_thread_and_no_service(monkeypatch):
    """On the caller's thread too a failing stream is not waited for beyond the timeout."""
    from firehose_logging import _threads

    def refuse(name, target):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "spawn", refuse)
    delivery = threaded(MemoryTransport([BLOCKED] * 1_000))
    delivery.dispatcher.booking.backoff._random = lambda: 1.0
    delivery.add(BODY)

    assert delivery.flush(0.05).pending == 1


def test_progress_is_told(transport, made):
    """Whoever follows the deliveries is called after each call."""
    calls = []
    delivery = threaded(transport, on_progress=lambda: calls.append(_threads.is_own()))
    made.append(delivery)
    delivery.add(BODY)
    delivery.flush(10)

    wait_until(lambda: calls)
    assert set(calls) == {True}


def test_many_threads_in_background(transport, made):
    """8 threads, 2,000 lines each, delivered meanwhile: all there once, seq without a gap."""
    delivery = threaded(transport, interval=0.1)
    made.append(delivery)

    def work(thread: int) -> None:
        for number in range(2_000):
            delivery.add(f'{{"worker":{thread},"number":{number}')

    threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert delivery.flush(10)
    lines = transport.lines()
    assert [line["seq"] for line in lines] == list(range(1, 16_001))
    assert len({(line["worker"], line["number"]) for line in lines}) == 16_000


def test_gzip_records_hold_more(made):
    """With compression a record holds about twice as many raw bytes."""
    transport = MemoryTransport()
    delivery = threaded(transport, background=False, compression="gzip")
    made.append(delivery)
    for _ in range(3):
        delivery.add('{"message":"' + "x" * 400_000 + '"')
    delivery.flush(10)

    assert [len(call) for call in transport.calls] == [2]


def test_reset_forgets_what_is_the_parents(delivery, transport):
    """After a fork the child starts at 1 with nothing pending."""
    delivery.add(BODY)
    delivery.after_fork()
    delivery.add('{"message":"child"')
    delivery.request_flush()
    delivery.dispatcher.step()

    (line,) = transport.lines()
    assert line == {"message": "child", "seq": 1}
    assert delivery.counts()["accepted"] == 1


def test_repr_says_how_it_stands(delivery):
    """The repr names stream, buffer and ledger."""
    delivery.add(BODY)

    text = repr(delivery)
    assert text.startswith("<Delivery logs")
    assert "accepted=1" in text
    assert json.dumps(delivery.counts())


def test_a_flush_that_cannot_begin_says_what_is_pending(delivery, transport, monkeypatch, capfd):
    """Without a descriptor what sends cannot be imported: nothing is raised, the next one sends."""
    make = delivery._make_dispatcher

    def fail() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(delivery, "_make_dispatcher", fail)
    delivery.add(BODY)
    for _ in range(2):
        result = delivery.flush(0)
        assert (bool(result), result.pending, delivery.failing) == (False, 1, True)
    assert capfd.readouterr().err.count("delivery cannot begin: OSError") == 1

    monkeypatch.setattr(delivery, "_make_dispatcher", make)
    delivery.flush(0)
    assert not delivery.failing
    delivery.dispatcher.step()
    assert transport.lines() == [{"message": "x", "seq": 1}]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RecursionError])
def test_what_is_the_functions_own_passes_a_flush_that_begins(delivery, monkeypatch, kind):
    """It came up there, and is none of ours."""

    def fail() -> None:
        raise kind

    monkeypatch.setattr(delivery, "_make_dispatcher", fail)
    with pytest.raises(kind):
        delivery.flush(0)
