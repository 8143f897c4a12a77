"""When invocations come to one environment: seeded patterns, each a list of invocations.

Only ``Random.random`` is used, whose sequence for a seed is the same on every Python.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Invocation:
    """One invocation as it comes to the environment.

    Args:
        at: seconds from the start of the pattern.
        duration: seconds that the handler takes.
        lines: what it logs.
    """

    at: float
    duration: float
    lines: int


@dataclass(frozen=True)
class Pattern:
    """A named way in which invocations come.

    Args:
        name: as in tables.
        what: one phrase for people.
        invocations: in the order they come.
        goes_on: whether this is a window of something that goes on, so that the environment is
            replaced after its last invocation; else it is left alone and ended for being idle.
    """

    name: str
    what: str
    invocations: tuple[Invocation, ...]
    goes_on: bool = True


#: Seconds that a handler takes in the median, and its spread (sigma of the logarithm).
DURATION = 0.040
SPREAD = 0.5

#: Lines of an invocation, on average.
LINES = 5


def patterns(seed: int = 1) -> list[Pattern]:
    """The patterns that every policy has to live with.

    Args:
        seed: of all that is random.
    """
    makers: list[tuple[str, str, Callable[[Random], Iterator[float]]]] = [
        ("steady 10/s", "10 a second at random, 3 minutes", lambda r: _steady(r, 0.1, 180)),
        ("steady 1/s", "1 a second at random, 20 minutes", lambda r: _steady(r, 1, 1_200)),
        ("steady 1/5 s", "1 in 5 s at random, 1 hour", lambda r: _steady(r, 5, 3_600)),
        ("steady 1/30 s", "1 in 30 s at random, 3 hours", lambda r: _steady(r, 30, 10_800)),
        ("bursts of 15", "15 at 5/s, then 3 minutes of silence", lambda r: _bursts(r, 60, 15, 180)),
        (
            "bursts of 60",
            "60 at 5/s, then 5 minutes of silence",
            lambda r: _bursts(r, 30, 60, 300),
        ),
        (
            "bursts of 400",
            "400 at 5/s, then 5 minutes of silence",
            lambda r: _bursts(r, 12, 400, 300),
        ),
        (
            "far bursts",
            "60 at 5/s, then 30 minutes: a new environment each",
            lambda r: _bursts(r, 20, 60, 1_800),
        ),
        ("sparse", "1 in 4 minutes at random, 12 hours", lambda r: _steady(r, 240, 43_200)),
        ("cron, 1 min", "every minute, 3 hours", lambda r: _cron(r, 60, 180)),
        ("cron, 15 min", "every 15 minutes: always a new environment", lambda r: _cron(r, 900, 60)),
        ("diurnal", "1/2 minutes to 3/s and back, twice in 2 hours", _diurnal),
    ]
    found = []
    for number, (name, what, make) in enumerate(makers):
        random = Random(seed * 1_000 + number)
        invocations = tuple(
            Invocation(at, DURATION * math.exp(SPREAD * _normal(random)), _lines(random))
            for at in make(random)
        )
        found.append(Pattern(name, what, invocations, goes_on="burst" not in name))
    return found


def _steady(random: Random, gap: float, seconds: float) -> Iterator[float]:
    at = _exponential(random, gap)
    while at < seconds:
        yield at
        at += _exponential(random, gap)


def _bursts(random: Random, bursts: int, size: int, silence: float) -> Iterator[float]:
    """Sizes from half to one and a half times ``size``; silences alike."""
    at = 0.0
    for _ in range(bursts):
        for _ in range(round(size * (0.5 + random.random()))):
            yield at
            at += _exponential(random, 0.2)
        at += silence * (0.5 + random.random())


def _cron(random: Random, period: float, times: int) -> Iterator[float]:
    for number in range(times):
        yield number * period + random.random()


def _diurnal(random: Random) -> Iterator[float]:
    """By thinning: candidates at the peak rate, kept in proportion to the rate of the hour."""
    peak, low, day = 3.0, 1 / 120, 3_600.0
    at = 0.0
    while True:
        at += _exponential(random, 1 / peak)
        if at >= 2 * day:
            return
        # A power makes the night long and the morning steep.
        rate = low + (peak - low) * ((1 - math.cos(2 * math.pi * at / day)) / 2) ** 3
        if random.random() * peak < rate:
            yield at


def _exponential(random: Random, mean: float) -> float:
    return -mean * math.log(1.0 - random.random())


def _normal(random: Random) -> float:
    return math.sqrt(-2 * math.log(1.0 - random.random())) * math.cos(2 * math.pi * random.random())


def _lines(random: Random) -> int:
    return 1 + int(random.random() * (2 * LINES - 1))
