"""The ledger under every fault: accepted = delivered + lost + pending, after every step.

Two machines drive the code with faults, clock and limits, next to a model that counts lines one
by one and knows nothing of records: the batcher alone, and the whole delivery without its thread.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firehose_logging._delivery.batch import Batcher, Record
from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.delivery import Delivery
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.steps import Send, Wait
from firehose_logging._limits import MAX_CALL_BYTES, MAX_CALL_RECORDS, MAX_RECORD_BYTES
from firehose_logging._line.line import finish
from firehose_logging.errors import BUFFER_FULL, REFUSED, UNENCODABLE
from firehose_logging.testing import ManualClock
from support.stage import unthreaded
from tools.strategies import CONTENT_ERRORS, Answer, answers

CAPACITY = 2_000
RECORD_BYTES = 300
CALL_BYTES = 900
CALL_RECORDS = 4

sizes = st.integers(min_value=20, max_value=500)


class LineModel:
    """What must be where: single lines in a queue, first in, first out."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.accepted = 0
        self.queue: list[bytes] = []
        self.flying: list[bytes] = []
        self.delivered: list[bytes] = []
        self.lost: Counter[str] = Counter()
        self.gone: list[bytes] = []  # the lines that were lost, where they had been lines

    def bytes(self) -> int:
        return sum(map(len, self.queue)) + sum(map(len, self.flying))

    def pending(self) -> int:
        return len(self.queue) + len(self.flying)

    def add(self, line: bytes) -> None:
        self.accepted += 1
        if sum(map(len, self.flying)) + len(line) > self.capacity:
            self.lose([line], BUFFER_FULL)
            return
        while self.bytes() + len(line) > self.capacity:
            self.lose([self.queue.pop(0)], BUFFER_FULL)
        self.queue.append(line)

    def lose(self, lines: list[bytes], reason: str) -> None:
        self.lost[reason] += len(lines)
        self.gone += lines

    def take(self, lines: list[bytes]) -> None:
        assert lines == self.queue[: len(lines)]

        del self.queue[: len(lines)]
        self.flying += lines

    def land(self, lines: list[bytes]) -> None:
        for line in lines:
            self.flying.remove(line)

    def again(self, lines: list[bytes]) -> None:
        self.land(lines)
        self.queue[:0] = lines

    def deliver(self, lines: list[bytes]) -> None:
        self.land(lines)
        self.delivered += lines


def lines_of(data: bytes | bytearray) -> list[bytes]:
    """The lines of a record, each with its end."""
    return bytes(data).splitlines(keepends=True)


def check_call(records: list[bytes], record_bytes: int, call_bytes: int, call_records: int) -> None:
    """No call and no record over its limit, whole lines only."""
    assert 1 <= len(records) <= call_records <= MAX_CALL_RECORDS
    assert len(records) == 1 or sum(map(len, records)) <= call_bytes <= MAX_CALL_BYTES
    for data in records:
        assert len(data) <= MAX_RECORD_BYTES
        assert len(data) <= record_bytes or len(lines_of(data)) == 1
        assert data.endswith(b"\n")


class BatcherMachine(RuleBasedStateMachine):
    """The batcher and the ledger alone, with several calls in flight."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.batcher = Batcher(
            self.ledger,
            CAPACITY,
            record_bytes=RECORD_BYTES,
            call_bytes=CALL_BYTES,
            call_records=CALL_RECORDS,
        )
        self.model = LineModel(CAPACITY)
        self.numbers = itertools.count(1)
        self.calls: list[list[Record]] = []
        self.now = 0.0
        self.billed = 0

    @rule(size=sizes, count=st.integers(min_value=1, max_value=6), wait=st.floats(0, 5))
    def add(self, size: int, count: int, wait: float) -> None:
        self.now += wait
        for _ in range(count):
            line = b"%d".ljust(size - 1, b".") % next(self.numbers) + b"\n"
            self.batcher.add(line, self.now)
            self.model.add(line)

    @precondition(lambda self: len(self.calls) < 3)
    @rule(limit=st.one_of(st.none(), st.integers(min_value=1, max_value=2_000)))
    def take(self, limit: int | None) -> None:
        records = self.batcher.take(limit)
        if not records:
            assert not self.model.queue
            return
        most = CALL_BYTES if limit is None else min(limit, CALL_BYTES)
        check_call([bytes(r.data) for r in records], RECORD_BYTES, most, CALL_RECORDS)
        self.model.take([line for r in records for line in lines_of(r.data)])
        self.calls.append(records)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def outcome(self, data: st.DataObject) -> None:
        records = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        fates = data.draw(
            st.lists(st.sampled_from("dal"), min_size=len(records), max_size=len(records))
        )
        chosen: dict[str, list[Record]] = {"d": [], "a": [], "l": []}
        for fate, item in zip(fates, records, strict=True):
            chosen[fate].append(item)
        kept = {fate: [x for r in rs for x in lines_of(r.data)] for fate, rs in chosen.items()}
        self.batcher.delivered(chosen["d"])
        self.batcher.again(chosen["a"])
        self.batcher.lose(chosen["l"], REFUSED)
        self.model.deliver(kept["d"])
        self.model.again(kept["a"])
        self.model.land(kept["l"])
        self.model.lose(kept["l"], REFUSED)
        self.billed += sum(-(-len(r.data) // 5_120) * 5_120 for r in chosen["d"])

    @invariant()
    def every_line_is_somewhere(self) -> None:
        ledger, model = self.ledger, self.model

        assert ledger.accepted == model.accepted
        assert ledger.delivered == len(model.delivered)
        assert {k: v for k, v in model.lost.items() if v} == ledger.lost
        assert self.batcher.pending_lines == model.pending()
        assert ledger.accepted == ledger.delivered + ledger.lost_lines + model.pending()
        assert ledger.balances(model.pending())
        assert not ledger.balances(model.pending() + 1)

    @invariant()
    def bytes_are_bounded_and_counted(self) -> None:
        assert self.batcher.pending_bytes == self.model.bytes() <= CAPACITY
        assert self.batcher.queued_bytes == sum(map(len, self.model.queue))
        assert self.ledger.delivered_bytes == sum(map(len, self.model.delivered))
        assert self.ledger.billed_bytes == self.billed

    @invariant()
    def the_oldest_is_known(self) -> None:
        def index(line: bytes) -> int:
            return int(line.partition(b".")[0]) - 1

        everything = self.model.queue + self.model.flying

        assert self.batcher.oldest_index() == min(map(index, everything), default=None)
        assert self.batcher.oldest_queued() == min(map(index, self.model.queue), default=None)
        assert (self.batcher.oldest_time() is None) == (not self.model.queue)
        assert (self.batcher.oldest_pending_time() is None) == (not everything)


class ScriptedTransport:
    """Answers the next call as told, and stores what a service would have stored."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.meanwhile: Any = None
        self.calls: list[list[bytes]] = []
        self.stored: list[bytes] = []
        self.outcome: CallOutcome | None = None
        self.maybe: Counter[bytes] = Counter()  # stored although the producer cannot know

    def send(self, records: list[bytearray], timeout: float) -> CallOutcome:
        assert timeout > 0
        sent = [bytes(record) for record in records]
        self.calls.append(sent)
        if self.meanwhile is not None:
            self.meanwhile()
        self.outcome = self._outcome(sent)
        if self.answer.raises:
            raise OSError("the line is dead")
        return self.outcome

    def _outcome(self, sent: list[bytes]) -> CallOutcome:
        answer = self.answer
        if answer.raises:
            return CallOutcome(error="OSError")
        if answer.arrived:
            self._store(sent)
            self.maybe.update(line for data in sent for line in lines_of(data))
        if answer.error is not None:
            code, status = answer.error
            return CallOutcome(error=code, status=status, maybe_stored=answer.arrived)
        if answer.wrong_count:
            return CallOutcome([None] * (len(sent) + answer.wrong_count))
        mask = itertools.cycle(answer.failed or (False,))
        codes = ["InternalFailure" if next(mask) else None for _ in sent]
        self._store([data for data, code in zip(sent, codes, strict=True) if code is None])
        return CallOutcome(codes, status=200)

    def _store(self, records: list[bytes]) -> None:
        self.stored += [line for data in records for line in lines_of(data)]

    def close(self) -> None:
        """Nothing to close."""


def small_delivery(transport: ScriptedTransport, clock: ManualClock, background: bool) -> Delivery:
    """A delivery with limits small enough to be met often, and back-offs of half their cap."""
    delivery = unthreaded(transport, clock, background=background)
    backlog = delivery._backlog
    backlog.batcher = Batcher(
        backlog.ledger,
        CAPACITY,
        record_bytes=RECORD_BYTES,
        call_bytes=CALL_BYTES,
        call_records=CALL_RECORDS,
    )
    booking = Booking("logs", backlog.batcher, backlog.losses, lambda: 0.5)
    dispatcher = delivery.dispatcher
    dispatcher.booking = dispatcher.calls._booking = booking
    return delivery


NEVER_CODES = {code for code, _ in CONTENT_ERRORS}
MOST_WAIT = 60.0


class DeliveryMachine(RuleBasedStateMachine):
    """The whole delivery, step by step: lines in, calls out, whatever they come to."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.transport = ScriptedTransport()
        self.model = LineModel(CAPACITY)
        self.seq = 0
        self.half: int | None = None  # most bytes of the next call, after a refusal for size

    @initialize(background=st.booleans())
    def start(self, background: bool) -> None:
        self.delivery = small_delivery(self.transport, self.clock, background)

    def accept(self, body: str) -> None:
        """Book a line as the delivery must."""
        self.seq += 1
        self.model.add(finish(body, self.seq))

    @rule(size=sizes, count=st.integers(min_value=1, max_value=5))
    def add(self, size: int, count: int) -> None:
        for _ in range(count):
            body = '{"text":"' + "x" * (size - 20) + '"'
            self.delivery.add(body)
            self.accept(body)

    @rule(lines=st.integers(min_value=1, max_value=3))
    def never_became_lines(self, lines: int) -> None:
        self.delivery.lose(UNENCODABLE, lines)
        self.model.accepted += lines
        self.model.lost[UNENCODABLE] += lines

    @rule(seconds=st.sampled_from((0.01, 1.0, 11.0, 60.0)))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(urgent=st.booleans())
    def ask(self, urgent: bool) -> None:
        target = self.delivery.request_flush(urgent=urgent)

        assert target == self.model.accepted - 1
        assert self.delivery.settled(target) == (not self.model.pending())

    @rule(
        answer=answers,
        inline=st.booleans(),
        patient=st.booleans(),
        meanwhile=st.integers(0, 3),
    )
    def turn(self, answer: Answer, inline: bool, patient: bool, meanwhile: int) -> None:
        """One turn of the loop; other threads log while the call is on its way."""
        transport, model = self.transport, self.model
        transport.answer = answer
        arrivals: list[str] = []

        def log() -> None:
            model.take([line for data in transport.calls[-1] for line in lines_of(data)])
            for _ in range(meanwhile):
                arrivals.append('{"meanwhile":true')
                self.delivery.add(arrivals[-1])
                self.accept(arrivals[-1])

        transport.meanwhile = log
        decision = self.delivery.dispatcher.step(inline=inline)
        if isinstance(decision, Wait) and patient and decision.seconds is not None:
            assert decision.seconds <= MOST_WAIT
            self.clock.advance(decision.seconds)
            decision = self.delivery.dispatcher.step(inline=inline)
        if not isinstance(decision, Send):
            if isinstance(decision, Wait) and decision.seconds is not None:
                assert 0 <= decision.seconds <= MOST_WAIT
            return
        sent = transport.calls[-1]
        check_call(sent, RECORD_BYTES, self.half or CALL_BYTES, CALL_RECORDS)
        self.book(sent, answer)

    def book(self, sent: list[bytes], answer: Answer) -> None:
        """Book a call's outcome as the delivery must."""
        model = self.model
        everything = [line for data in sent for line in lines_of(data)]
        code, status = answer.error or ("", 0)
        if not answer.raises and (status == 413 or code in NEVER_CODES):
            if len(sent) == 1:
                model.land(everything)
                model.lose(everything, REFUSED)
            else:
                model.again(everything)
                self.half = sum(map(len, sent)) // 2
            return
        if answer.raises or answer.error or answer.wrong_count:
            model.again(everything)
            return
        codes = self.transport.outcome.codes if self.transport.outcome else []
        stored = [d for d, c in zip(sent, codes or [], strict=True) if c is None]
        failed = [d for d, c in zip(sent, codes or [], strict=True) if c is not None]
        model.deliver([line for data in stored for line in lines_of(data)])
        model.again([line for data in failed for line in lines_of(data)])
        if stored:
            self.half = None
            for told in list(self.delivery._backlog.incoming):  # the line that tells losses, if any
                assert json.loads(told + "}")["own"]["lost"]
                self.accept(told)

    @invariant()
    def every_line_is_somewhere(self) -> None:
        counts: dict[str, Any] = self.delivery.counts()
        model = self.model

        assert counts["accepted"] == model.accepted
        assert counts["delivered"] == len(model.delivered)
        assert counts["lost"] == {k: v for k, v in model.lost.items() if v}
        assert counts["pending"] == model.pending()
        assert counts["balances"]
        lost = model.lost.total()
        assert counts["accepted"] == len(model.delivered) + lost + model.pending()
        assert counts["pending_bytes"] == model.bytes() <= CAPACITY

    @invariant()
    def nothing_arrives_twice_or_from_nowhere(self) -> None:
        confirmed = Counter(self.transport.stored) - self.transport.maybe

        assert all(count == 1 for count in confirmed.values())
        assert confirmed.keys() <= set(self.model.delivered)
        assert not confirmed.keys() & set(self.model.gone)

    def teardown(self) -> None:
        """Let the service recover: everything not lost arrives, gaps are losses, and are told."""
        if not hasattr(self, "delivery"):
            return
        self.add(60, 1)  # losses are told behind a line that arrives
        for _ in range(200):
            self.clock.advance(MOST_WAIT)
            self.delivery.request_flush()
            self.turn(Answer(), inline=False, patient=False, meanwhile=0)
            self.every_line_is_somewhere()
            if not self.model.pending():
                break

        assert not self.model.pending()
        arrived = {json.loads(line)["seq"] for line in self.transport.stored}
        gone = {json.loads(line)["seq"] for line in self.model.gone}
        assert arrived | gone == set(range(1, self.seq + 1))
        lines = {line: json.loads(line) for line in set(self.transport.stored)}
        told = sum(sum(line["own"]["lost"].values()) for line in lines.values() if "own" in line)
        # A line that tells losses can be stored although nobody confirmed that; when it is lost
        # then, they are told again.
        unsure = sum(
            sum(line["own"]["lost"].values())
            for raw, line in lines.items()
            if "own" in line and raw in self.model.gone
        )
        assert told - unsure == self.model.lost.total()


#: Without the phase that explains failures: it takes minutes on machines of this size.
_SETTINGS = settings(
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
TestBatcher = BatcherMachine.TestCase
TestBatcher.settings = _SETTINGS
TestDelivery = DeliveryMachine.TestCase
TestDelivery.settings = _SETTINGS
