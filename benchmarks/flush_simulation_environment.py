"""One simulated environment: the real policy, life cycle and packing, and a made-up clock.

Time is kept twice: real time, in which invocations come, and awake time, which stands still while
the environment is frozen. Whatever is under way (a call, telemetry) needs awake time to go on.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._extension.lifecycle import (
    BY_HOOK,
    DELIVER,
    DELIVER_SOON,
    FLUSH,
    NEXT,
    Lifecycle,
)
from firehose_logging._limits import MAX_CALL_BYTES, TARGET_GZIP_BYTES, TARGET_RECORD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.arrivals import Invocation, Pattern
    from firehose_logging._delivery.batch import Record
    from firehose_logging._extension.flush_policy import FlushPolicy


@dataclass(frozen=True)
class World:
    """What surrounds the function.

    Args:
        round_trip: seconds from a call to its answer, besides the transfer of its bytes.
        bandwidth: bytes a second of the transfer; bytes travel as base64.
        line: bytes of a line.
        telemetry: seconds after which the platform posts an event, with all that came since: it
            collects for 25 ms. The post waits while the environment is frozen.
        idle: seconds without an invocation after which the environment is ended.
        timeout: seconds of the function's time-out.
        interval: ``FIREHOSE_LOGGING_INTERVAL``.
        compressed: bytes that a record of so many is sent as; None sends it as it is.
    """

    round_trip: float = 0.020
    bandwidth: float = 25e6
    line: int = 200
    telemetry: float = 0.030
    idle: float = 600.0
    timeout: float = 30.0
    interval: float = 10.0
    compressed: Callable[[int], int] | None = None


@dataclass
class Outcome:
    """What became of all lines of a pattern; times in seconds.

    ``holds`` has one entry an invocation, ``delays`` one a line of the function's own, and
    ``platform_delays`` one a line of platform events.
    """

    holds: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    platform_delays: list[float] = field(default_factory=list)
    calls: int = 0
    environments: int = 0
    logged_bytes: int = 0
    billed_bytes: int = 0


#: Seconds after its last invocation in which a busy environment is replaced.
REPLACED = 1.0

#: Bytes of the lines made of platform.start, runtimeDone and report as the Telemetry API's
#: documentation shows them, traced; function and instance are in each.
_START, _DONE, _REPORT = 499, 742, 700


def simulate(pattern: Pattern, make_policy: Callable[[], FlushPolicy], world: World) -> Outcome:
    """All invocations of a pattern, through as many environments as their silences make.

    An invocation that comes while the environment is busy waits for it, as with a concurrency
    of one.
    """
    outcome = Outcome()
    environment: _Environment | None = None
    for number, invocation in enumerate(pattern.invocations):
        if environment is not None and invocation.at - environment.frozen_at > world.idle:
            environment.end(world.idle)
            environment = None
        if environment is None:
            environment = _Environment(make_policy(), world, outcome)
        environment.invoke(f"{number}", invocation)
    if environment is not None:
        environment.end(REPLACED if pattern.goes_on else world.idle)
    return outcome


class _Environment:
    """From the first invocation to SIGTERM."""

    def __init__(self, policy: FlushPolicy, world: World, outcome: Outcome) -> None:
        self._world = world
        self._outcome = outcome
        outcome.environments += 1
        self._life = Lifecycle(policy)
        self._ledger = Ledger()
        # Lines are booked whole in 16 MiB, the default of FIREHOSE_LOGGING_BUFFER_BYTES.
        self._batcher = Batcher(
            self._ledger,
            16_777_216,
            record_bytes=TARGET_GZIP_BYTES if world.compressed else TARGET_RECORD_BYTES,
        )
        self._born: list[tuple[float, bool]] = []  # by index: when, and whether of the function
        self._target = -1
        self._sending = False
        self._awake = 0.0  # the awake clock
        self._offset = 0.0  # real time less awake time, while awake
        self._steps: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._asked = True
        self._has_ended = True
        self._events_to_come: list[tuple[float, int]] = []  # the platform's: when, and bytes
        self._posted_at = 0.0  # real time of the post that brings them
        self.frozen_at = float("-inf")

    # -- the clock --------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self._awake + self._offset

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._steps, (self._awake + seconds, self._count, act))

    def _thaw(self, at: float) -> None:
        self._offset = at - self._awake
        if self._events_to_come:
            self._after(max(self._posted_at - at, 0.001), self._posted)

    def _run(self, until: Callable[[], bool]) -> None:
        """Let awake time pass until something has become true."""
        while not until():
            wakes = self._life.wakes_at()
            tick = float("inf") if wakes is None else max(wakes - self._offset, self._awake)
            if self._steps and self._steps[0][0] <= tick:
                self._awake, _, act = heapq.heappop(self._steps)
                act()
            else:
                self._awake = tick
                # A hair later: the sum of floats may fall short of what it was made from.
                self._do(self._life.tick(self._batcher.oldest_pending_time(), self._now + 1e-9))

    # -- an invocation ----------------------------------------------------------------------

    def invoke(self, request_id: str, invocation: Invocation) -> None:
        """From the INVOKE event to the next one being asked for."""
        start = max(invocation.at, self.frozen_at)
        self._thaw(start)
        self._asked = self._has_ended = False
        self._platform(_START, start)
        for n in range(invocation.lines):
            after = invocation.duration * (n + 0.5) / invocation.lines
            self._after(after, lambda: self._add(self._world.line, self._now, own=True))
        oldest = self._batcher.oldest_pending_time()
        deadline = start + self._world.timeout
        self._do(self._life.invoked(request_id, deadline, oldest, start, told_by=BY_HOOK))
        self._after(invocation.duration, lambda: self._ended(request_id))
        self._run(lambda: self._asked and self._has_ended)
        self._outcome.holds.append(self._now - (start + invocation.duration))
        self.frozen_at = self._now
        self._platform(_REPORT, self._now)

    def _ended(self, request_id: str) -> None:
        self._has_ended = True
        self._platform(_DONE, self._now)
        oldest = self._batcher.oldest_pending_time()
        self._do(self._life.ended(request_id, oldest, failing=False, now=self._now))

    def end(self, after: float) -> None:
        """SIGTERM after so many seconds of silence: everything goes."""
        self._thaw(self.frozen_at + after)
        self._target = 1 << 60
        self._deliver()
        self._run(lambda: not self._steps)
        ledger = self._ledger
        if not ledger.balances(0):
            raise AssertionError(f"lines lost in a simulation without faults: {ledger!r}")
        self._outcome.logged_bytes += ledger.delivered_bytes
        self._outcome.billed_bytes += ledger.billed_bytes

    def _do(self, actions: list[str]) -> None:
        for action in actions:
            if action == NEXT:
                self._asked = True
            elif action in (DELIVER, DELIVER_SOON, FLUSH):
                self._target = max(self._target, self._ledger.accepted - 1)
                self._deliver()

    # -- lines ------------------------------------------------------------------------------

    def _platform(self, size: int, at: float) -> None:
        """A platform event: the platform has it at once, we have it when telemetry comes."""
        if not self._events_to_come:
            self._posted_at = at + self._world.telemetry
            self._after(self._world.telemetry, self._posted)
        self._events_to_come.append((at, size))

    def _posted(self) -> None:
        if self._now < self._posted_at - 1e-6:
            return  # made before a freeze; another one follows
        events, self._events_to_come = self._events_to_come, []
        for at, size in events:
            self._add(size, at, own=False)

    def _add(self, size: int, at: float, *, own: bool) -> None:
        self._born.append((at, own))
        self._batcher.add(b"x" * (size - 1) + b"\n", self._now)
        if self._target >= self._ledger.accepted - 1 or (
            self._batcher.queued_bytes >= MAX_CALL_BYTES // 2
        ):
            self._deliver()

    def _deliver(self) -> None:
        """Start a call if one is wanted and none is under way; as ``_delivery`` decides it."""
        if self._sending:
            return
        oldest = self._batcher.oldest_queued()
        wanted = oldest is not None and oldest <= self._target
        if not wanted and self._batcher.queued_bytes < MAX_CALL_BYTES // 2:
            return
        records = self._batcher.take()
        wire = sum(self._sizes(records)) * 4 / 3
        self._sending = True
        self._outcome.calls += 1
        self._after(
            self._world.round_trip + wire / self._world.bandwidth, lambda: self._answered(records)
        )

    def _sizes(self, records: list[Record]) -> list[int]:
        compressed = self._world.compressed or (lambda size: size)
        return [compressed(len(record.data)) for record in records]

    def _answered(self, records: list[Record]) -> None:
        now = self._now
        for record in records:
            for at, own in self._born[record.first : record.first + record.lines]:
                (self._outcome.delays if own else self._outcome.platform_delays).append(now - at)
        self._batcher.delivered(records, self._sizes(records))
        self._sending = False
        oldest = self._batcher.oldest_index()
        if self._life.awaits_flush and (oldest is None or oldest > self._target):
            self._do(self._life.flushed())
        self._deliver()
