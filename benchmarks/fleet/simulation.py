"""The fleet: all environments on one clock, event by event."""

from __future__ import annotations

import heapq
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks.fleet.arrivals import DEPLOY, DEPLOY_AT, DEPLOY_TAKES, Arrivals
from benchmarks.fleet.environment import ENDED, Environment
from benchmarks.fleet.figures import Delays
from benchmarks.fleet.service import REFUSED, REGIONS, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.fleet.world import World

#: What happens to an environment from outside: an invocation, and its end.
INVOKE, END = "invoke", "end"


@dataclass(frozen=True)
class Outcome:
    """What became of a fleet; lines and bytes are those of the environments simulated.

    Args:
        accepted, delivered, lost, left, pending: lines. ``lost`` for want of room; ``left`` when
            an environment ended before they were taken; ``pending`` when the simulation ended.
        delivered_bytes, billed_bytes: before and after rounding up to the billing step.
        invocations: of all environments simulated.
        calls, calls_throttled, records, records_throttled: of the streams.
        held: seconds of all holds.
        delay_mean, delay_p50, delay_p99, delay_max: seconds from a line to its place in Firehose.
        worst_second: most calls in one second, beside the quota of requests a second, of all
            streams.
        settled_at: when the last second with throttled calls ended; 0 without.
        calls_by_second, throttled_by_second: calls of the whole fleet.
    """

    accepted: int
    delivered: int
    lost: int
    left: int
    pending: int
    delivered_bytes: int
    billed_bytes: int
    invocations: int
    calls: int
    calls_throttled: int
    records: int
    records_throttled: int
    held: float
    delay_mean: float
    delay_p50: float
    delay_p99: float
    delay_max: float
    worst_second: float
    settled_at: float
    calls_by_second: list[float]
    throttled_by_second: list[float]

    def throttled_from(self, second: int) -> float:
        """Of all calls from a second on, those that were throttled in part or whole."""
        calls = sum(self.calls_by_second[second:])
        return sum(self.throttled_by_second[second:]) / calls if calls else 0.0

    @property
    def throttled_share(self) -> float:
        """Of all calls, those that were throttled in part or whole."""
        return self.calls_throttled / self.calls if self.calls else 0.0

    def as_json(self) -> dict[str, Any]:
        """Ready to be stored; without what is by second."""
        found = asdict(self)
        del found["calls_by_second"], found["throttled_by_second"]
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in found.items()
        } | {"throttled_share": round(self.throttled_share, 5)}


def simulate(world: World) -> Outcome:
    """Run a fleet to its end."""
    return _Fleet(world).run()


class _Fleet:
    def __init__(self, world: World) -> None:
        self._world = world
        self._arrivals = Arrivals(world.kind, world.gap)
        self._random = Random(world.seed)
        self._seconds = seconds = world.seconds or self._arrivals.seconds
        self._streams = [
            Stream(
                REGIONS[world.region],
                share=world.share * world.quota_share,
                overdraws=world.share < 1,
                seconds=seconds,
                outage=self._arrivals.outage,
                refusal=REFUSED if number < world.refused else None,
            )
            for number in range(world.streams)
        ]
        self._events: list[tuple[float, int, str, Environment]] = []
        self._count = 0
        self._delays = Delays()
        self._waiting: set[Environment] = set()  # an invocation waits for the end of a hold
        self._living: set[Environment] = set()
        self._invocations = 0
        self._held = 0.0
        self._sums = [0] * 6
        self._left = 0

    def _wake(self, at: float, what: str, environment: Environment) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, what, environment))

    def _cold(self, at: float, now: float) -> None:
        """A new environment, first invoked at a moment."""
        environment = Environment(
            self._world, self._streams, self._random, self._wake, self._delays
        )
        self._living.add(environment)
        self._wake(at, INVOKE, environment)
        if self._arrivals.kind == DEPLOY and now < DEPLOY_AT:
            end = DEPLOY_AT
        else:
            end = now + self._random.expovariate(1 / self._world.lifetime)
        self._wake(end, END, environment)

    def run(self) -> Outcome:
        """All events up to the end."""
        arrivals, random = self._arrivals, self._random
        for _ in range(self._world.simulated):
            self._cold(arrivals.first(random), 0.0)
        events, until, living = self._events, self._seconds, self._living
        while events and events[0][0] < until:
            now, _, what, environment = heapq.heappop(events)
            if environment not in living:
                continue
            if what == INVOKE:
                self._invoke(environment, now)
                continue
            if what == END:
                self._end(environment, now)
                continue
            if what == ENDED:
                environment.ended(now)
            else:
                was_frozen = environment.is_frozen
                environment.woken(what, now)
                if was_frozen or not environment.is_frozen:
                    continue
            if environment.is_frozen:
                self._frozen(environment, now)
        for environment in living:
            self._settle(environment, at_end=True)
        return self._outcome()

    def _invoke(self, environment: Environment, now: float) -> None:
        if not environment.is_frozen:
            self._waiting.add(environment)
            return
        self._invocations += 1
        environment.invoke(now)
        self._wake(self._arrivals.after(now, self._random), INVOKE, environment)

    def _frozen(self, environment: Environment, now: float) -> None:
        self._held += environment.held
        if environment in self._waiting:
            self._waiting.discard(environment)
            self._invoke(environment, now)

    def _end(self, environment: Environment, now: float) -> None:
        """An environment is ended when it does not work; another one takes its invocations."""
        if not environment.is_frozen:
            self._wake(now + self._world.duration, END, environment)
            return
        environment.end(now)
        self._settle(environment, at_end=False)
        self._living.discard(environment)
        self._waiting.discard(environment)
        if self._arrivals.kind == DEPLOY and now < DEPLOY_AT + 1:
            self._cold(now + self._random.random() * DEPLOY_TAKES, now)
        else:
            self._cold(self._arrivals.after(now, self._random), now)

    def _settle(self, environment: Environment, *, at_end: bool) -> None:
        found = environment.settle()
        for number, value in enumerate(found):
            self._sums[number] += value
        if not at_end:
            self._left += found[3]
            self._sums[3] -= found[3]

    def _outcome(self) -> Outcome:
        accepted, delivered, lost, pending, raw, billed = self._sums
        if accepted != delivered + lost + pending + self._left:
            raise AssertionError(f"{self._sums} and {self._left} left do not add up")
        calls = _sum(stream.calls.counts for stream in self._streams)
        throttled = _sum(stream.throttled.counts for stream in self._streams)
        share, delays = self._world.share, self._delays
        last = max((second for second, count in enumerate(throttled) if count), default=-1)
        return Outcome(
            accepted, delivered, lost, self._left, pending, raw, billed, self._invocations,
            int(sum(calls)), int(sum(throttled)),
            sum(stream.records for stream in self._streams),
            sum(stream.records_throttled for stream in self._streams),
            self._held, delays.mean, delays.percentile(50), delays.percentile(99), delays.longest,
            max(calls) / share, float(last + 1),
            [count / share for count in calls], [count / share for count in throttled],
        )  # fmt: skip


def _sum(series: Sequence[list[float]] | Any) -> list[float]:
    return [sum(values) for values in zip(*series, strict=True)]
