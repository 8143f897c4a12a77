"""One environment of a fleet: the real policy, life cycle, packing, booking and back-off.

Timers do not run while it is frozen, and a call that was under way is looked at when it thaws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.fleet.service import REFUSED, THROTTLED
from benchmarks.fleet.world import COLD_BYTES, GRAIN, PLATFORM_BYTES, PLATFORM_LINES
from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._delivery.losses import Losses
from firehose_logging._delivery.steps import Asked, Send, Wait, next_step
from firehose_logging._extension.flush_policy import ADAPTIVE, FlushPolicy
from firehose_logging._extension.lifecycle import BY_HOOK, HOLDING, NEXT, WAITING, Lifecycle
from firehose_logging._firehose.several import Spread
from firehose_logging._limits import MAX_CALL_BYTES, TARGET_GZIP_BYTES, TARGET_RECORD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from benchmarks.fleet.figures import Delays
    from benchmarks.fleet.service import Stream
    from benchmarks.fleet.world import World
    from firehose_logging._delivery.batch import Record
    from firehose_logging._delivery.outcome import CallOutcome

#: What an environment asks to be woken for.
ENDED, ANSWER, TICK, TIMER = "ended", "answer", "tick", "timer"


class Environment:
    """From a cold start to SIGTERM.

    Args:
        world: what is simulated.
        streams: where calls go.
        random: for everything that is.
        wake: called with a time, what for and this: to be called back then.
        delays: where delays of lines are counted.
    """

    __slots__ = (
        "_asked", "_batcher", "_booking", "_born", "_born_from", "_ended", "_ends_at", "_flight",
        "_gzip", "_last_timer", "_ledger", "_life", "_number", "_random", "_spread", "_streams",
        "_target", "_wake", "_world", "delays", "held",
    )  # fmt: skip

    def __init__(
        self,
        world: World,
        streams: list[Stream],
        random: Random,
        wake: Callable[[float, str, Environment], None],
        delays: Delays,
    ) -> None:
        self._world = world
        self._random = random
        self._wake = wake
        self.delays = delays
        self._gzip = world.compressed < 1
        self._life = Lifecycle(FlushPolicy(world.flush, world.interval))
        self._ledger = Ledger()
        self._batcher = Batcher(
            self._ledger,
            world.buffer_bytes // GRAIN,
            record_bytes=(TARGET_GZIP_BYTES if self._gzip else TARGET_RECORD_BYTES) // GRAIN,
            call_bytes=MAX_CALL_BYTES // GRAIN,
        )
        self._booking = Booking(
            "logs",
            self._batcher,
            Losses(self._batcher),
            random.random,
            learns=world.learns and world.flush == ADAPTIVE,
        )
        trigger = min(MAX_CALL_BYTES // 2, world.buffer_bytes // 2) // GRAIN
        self._asked = Asked(trigger, world.interval)
        self._streams = streams
        self._spread = Spread(len(streams), random.getrandbits(64), random.random)
        self._target = -1
        self._flight: tuple[float, list[Record], CallOutcome] | None = None
        #: When lines came, from the index ``_born_from`` on, and how many each stands for.
        self._born: list[tuple[float, int]] = []
        self._born_from = 0
        self._number = 0
        self._ended = True
        self._ends_at = 0.0
        self._last_timer = -1.0
        #: Seconds of the last invocation that the environment was held for.
        self.held = 0.0

    # -- the environment's life ---------------------------------------------------------------

    @property
    def is_frozen(self) -> bool:
        """Whether nothing of it runs."""
        return self._ended and self._life.state == WAITING

    def invoke(self, now: float) -> None:
        """It thaws, or is started, for an invocation."""
        world = self._world
        self._number += 1
        self._ended = False
        self._ends_at = now + world.duration
        self._answered(now)
        more = COLD_BYTES if self._number == 1 else 0
        self._add(PLATFORM_BYTES + more, PLATFORM_LINES, now)
        oldest = self._batcher.oldest_pending_time()
        self._do(
            self._life.invoked(
                str(self._number), now + world.timeout, oldest, now,
                told_by=BY_HOOK, failing=self._failing(now),
            )
        )  # fmt: skip
        self._wake(self._ends_at, ENDED, self)
        self._tick_later(self._ends_at)
        self._step(now)

    def ended(self, now: float) -> None:
        """The handler is done."""
        world = self._world
        self._ended = True
        self.held = 0.0
        self._add(world.lines * world.line_bytes, world.lines, now)
        oldest = self._batcher.oldest_pending_time()
        self._do(self._life.ended(None, oldest, failing=self._failing(now), now=now))
        self._step(now)
        if self._life.state == HOLDING:
            self._tick_later(float("inf"))

    def woken(self, what: str, now: float) -> None:
        """What it asked to be woken for has come."""
        if self.is_frozen:
            return
        if what == TICK:
            at = self._life.wakes_at()
            if at is not None and at <= now + 1e-9:
                self._do(self._life.tick(self._batcher.oldest_pending_time(), now + 1e-9))
                self._tick_later(float("inf") if self._ended else self._ends_at)
        elif what == ANSWER:
            self._answered(now)
        self._step(now)
        if self._ended:
            self.held = now - self._ends_at

    def end(self, now: float) -> None:
        """SIGTERM: everything goes that can in the time that is left."""
        until = now + self._world.shutdown
        self._answered(now if self._flight is None else max(now, self._flight[0]))
        self._booking.hurry(back_off=False)
        self._asked.close()
        at = now
        while at < until and self._batcher.queued_bytes:
            self._step(at)
            if self._flight is None:
                break
            at = self._flight[0]
            self._answered(at)
            at = max(at, self._booking.not_before)
            self._booking.hurry(back_off=False)

    def settle(self) -> tuple[int, int, int, int, int, int]:
        """Lines: accepted, delivered, lost and pending; bytes delivered and billed.

        Raises:
            AssertionError: they do not add up.
        """
        ledger, pending = self._ledger, self._batcher.pending_lines
        if not ledger.balances(pending):
            raise AssertionError(f"{ledger!r} and {pending} pending do not add up")
        return (
            ledger.accepted, ledger.delivered, ledger.lost_lines, pending,
            ledger.delivered_bytes * GRAIN, ledger.billed_bytes,
        )  # fmt: skip

    # -- lines and calls ------------------------------------------------------------------------

    def _failing(self, now: float) -> bool:
        return self._booking.makes_wait(now)

    def _do(self, actions: list[str]) -> None:
        for action in actions:
            if action != NEXT:
                self._target = self._ledger.accepted - 1
                self._asked.wait_for(self._target)

    def _tick_later(self, before: float) -> None:
        at = self._life.wakes_at()
        if at is not None and at < before:
            self._wake(at, TICK, self)

    def _add(self, size: int, lines: int, now: float) -> None:
        """So many lines as one of the simulation's, cut by the grain."""
        if not self._batcher.pending_bytes:
            self._born.clear()
            self._born_from = self._ledger.accepted
        self._born.append((now, lines))
        self._batcher.add(b"x" * (size // GRAIN - 1) + b"\n", now)

    def _step(self, now: float) -> None:
        if self._flight is not None:
            return
        step = next_step(
            self._batcher, self._booking, self._asked, now, background=False, inline=False
        )
        if isinstance(step, Send):
            self._send(step.records, now)
        elif isinstance(step, Wait) and step.seconds is not None:
            at = now + step.seconds
            if at != self._last_timer and (not self._ended or self._life.state == HOLDING):
                self._last_timer = at
                self._wake(at, TIMER, self)

    def _send(self, records: list[Record], now: float) -> None:
        world = self._world
        sizes = [max(1, int(len(r.data) * GRAIN * world.compressed)) for r in records]
        takes = world.round_trip + sum(sizes) * 4 / 3 / world.bandwidth
        answer_at = now + takes
        outcome = self._put(sizes, now)
        while outcome.error == REFUSED and self._spread.refused(answer_at):
            outcome = self._put(sizes, answer_at)
            answer_at += takes
        if outcome.error == THROTTLED or THROTTLED in (outcome.codes or ()):
            self._spread.throttled(answer_at)
        elif outcome.codes is not None:
            self._spread.stored()
        self._flight = answer_at, records, outcome
        self._wake(answer_at, ANSWER, self)

    def _put(self, sizes: list[int], now: float) -> CallOutcome:
        return self._streams[self._spread.at(now)].put(sizes, now)

    def _answered(self, now: float) -> None:
        """Book the call that is under way, if its answer is there."""
        if self._flight is None or self._flight[0] > now:
            return
        at, records, outcome = self._flight
        self._flight = None
        if outcome.codes is not None:
            for record, code in zip(records, outcome.codes, strict=True):
                if code is None:
                    self._delivered(record, at)
        self._booking.book(records, outcome, now)
        if self._life.awaits_flush:
            oldest = self._batcher.oldest_index()
            if oldest is None or oldest > self._target:
                self._do(self._life.flushed())
            elif self._failing(now):
                self._do(self._life.flush_failed())

    def _delivered(self, record: Record, at: float) -> None:
        first = record.first - self._born_from
        for born, lines in self._born[first : first + record.lines]:
            self.delays.add(at - born, lines)
