"""Hypothesis on everything that reads, for as long as asked; the targets are in targets/."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import report

if TYPE_CHECKING:
    from faults.targets.target import Target

MODULES = ("http", "telemetry", "journal", "lines")

#: Inputs of one round; each round begins with a new seed.
ROUND = 500


def targets() -> list[Target]:
    """All targets."""
    found: list[Target] = []
    for name in MODULES:
        found += import_module(f"faults.targets.{name}").TARGETS
    return found


def run(minutes: float, *, write: bool) -> bool:
    """Fuzz each target for its share of the time; print and return what came of it."""
    chosen = targets()
    share = minutes * 60 / len(chosen)
    rows, good = [], True
    for target in chosen:
        tried, error = fuzz(target, share)
        good = good and error is None
        print(f"  {target.name}: {tried} inputs{'' if error is None else f', BROKEN: {error}'}")
        rows.append(f"| {target.name} | {tried:,} | {'none' if error is None else error} |")
    if write:
        head = "| target | inputs tried | broken |\n|---|---:|---|\n"
        report.write("fuzz", head + "\n".join(rows))
    return good


def fuzz(target: Target, seconds: float) -> tuple[int, BaseException | None]:
    """Try inputs for so many seconds; how many, and the first error."""
    from hypothesis import HealthCheck, Verbosity, given, seed, settings

    tried = 0
    until = time.monotonic() + seconds
    number = time.time_ns()

    def check(value: Any) -> None:
        nonlocal tried
        tried += 1
        target.check(value)

    while time.monotonic() < until:
        number += 1
        holds = settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )(seed(number)(given(target.inputs)(check)))
        try:
            holds()
        except Exception as error:  # noqa: BLE001 - told with the input that did it
            print(f"  seed {number}: {type(error).__name__}: {error}")
            for note in getattr(error, "__notes__", []):
                print(f"  {note}")
            return tried, error
    return tried, None
