"""Alternating rounds and what can be said of them: medians of paired differences, with spread.

On a machine that does other things too, two runs minutes apart differ by more than the programs
do. So each round runs every candidate once, in an order that changes from round to round, and
only figures of the same round are compared.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Result = TypeVar("Result")


def alternate(
    names: Sequence[str],
    rounds: int,
    measure: Callable[[str], Result],
    say: Callable[[str], None] = lambda _: None,
    seconds: float = math.inf,
) -> dict[str, list[Result]]:
    """Results by name, one a round, in the order of the rounds.

    Args:
        names: who is measured.
        rounds: how often each.
        measure: called with a name.
        say: progress.
        seconds: after which no further round begins, once there were three.
    """
    began = time.monotonic()
    results: dict[str, list[Result]] = {name: [] for name in names}
    for number in range(rounds):
        if number >= 3 and time.monotonic() - began > seconds:
            say(f"time is up after {number} rounds")
            break
        say(f"round {number + 1} of {rounds}")
        shift = number % len(names)
        order = [*names[shift:], *names[:shift]]
        for name in order if number % 2 == 0 else reversed(order):
            results[name].append(measure(name))
    return results


@dataclass(frozen=True)
class Figure:
    """One number of a table.

    Args:
        median: of the rounds.
        low, high: quartiles of the rounds; of two or three rounds, least and most.
        most: the greatest of all.
        least_median, most_median: between them is the median of endless rounds, 95 times of 100.
    """

    median: float
    low: float
    high: float
    most: float
    least_median: float
    most_median: float

    def show(self, digits: int = 1) -> str:
        """``median (low to high)``; the median alone where all rounds say the same."""
        if self.low == self.high:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


def figure(values: Sequence[float]) -> Figure:
    """Median, quartiles, and how far the median can be trusted."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    if len(ordered) > 3:
        low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
    # How many of n values are under the median is a matter of n coins: 1.96 standard deviations.
    reach = 0.98 * math.sqrt(len(ordered))
    first = max(0, math.floor((len(ordered) - 1) / 2 - reach))
    return Figure(
        statistics.median(ordered),
        low,
        high,
        ordered[-1],
        ordered[first],
        ordered[len(ordered) - 1 - first],
    )


def added(
    results: Mapping[str, Sequence[Mapping[str, float]]], base: str, key: str
) -> dict[str, Figure]:
    """For each name, what its figure is more than that of ``base``, as a multiple of that one.

    Round by round: 0.5 is half as much again.
    """
    return {
        name: figure(
            [mine[key] / its[key] - 1 for mine, its in zip(rows, results[base], strict=True)]
        )
        for name, rows in results.items()
    }


def differences(
    results: Mapping[str, Sequence[Mapping[str, float]]], base: str, key: str
) -> dict[str, Figure]:
    """For each name, its figure less that of ``base``, round by round."""
    return {
        name: figure([mine[key] - its[key] for mine, its in zip(rows, results[base], strict=True)])
        for name, rows in results.items()
    }
