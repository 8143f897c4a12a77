"""The faults that are set: which of them hits a call, and which are spent.

A fault is data (`fault.py`). It acts at one of four moments of a call; at each moment the first
fault that wants the call gets it, except that faults of the wire are all applied together.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fault import Call, Fault, Moment


class _Armed:
    """A fault that is set, with what it has done so far."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times
        self.matched = 0
        self.random = random.Random(fault.seed)

    def wants(self, call: Call) -> bool:
        fault = self.fault
        if fault.predicate is not None and not fault.predicate(call):
            return False
        self.matched += 1
        if fault.flap is not None:
            on, off = fault.flap
            if (self.matched - 1) % (on + off) >= on:
                return False
        if fault.probability < 1 and self.random.random() >= fault.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass(frozen=True)
class Strike:
    """A fault that hits a call.

    Args:
        fault: which.
        failed: for `partial`: per record, whether it fails.
    """

    fault: Fault
    failed: tuple[bool, ...] = ()


class Faults:
    """The faults that are set; may be changed from any thread while the server runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._on_change: Callable[[], None] = lambda: None

    def add(self, *faults: Fault) -> None:
        """Set further faults; the next call may be hit."""
        with self._lock:
            self._armed.extend(_Armed(fault) for fault in faults)
        self._on_change()

    def set(self, *faults: Fault) -> None:
        """Set these faults and no others."""
        with self._lock:
            self._armed = [_Armed(fault) for fault in faults]
        self._on_change()

    def clear(self) -> None:
        """Remove all faults; a refused port accepts again when this returns."""
        self.set()

    def active(self) -> list[Fault]:
        """Return the faults that can still hit a call."""
        with self._lock:
            return [armed.fault for armed in self._armed]

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after every change by `add`, `set` and `clear`."""
        self._on_change = callback

    def strike(self, moment: Moment, call: Call) -> Strike | None:
        """Return the first fault that hits this call at this moment."""
        found = self._take(moment, call, first=True)
        return found[0] if found else None

    def strikes(self, moment: Moment, call: Call) -> list[Strike]:
        """Return all faults that hit this call at this moment."""
        return self._take(moment, call, first=False)

    def _take(self, moment: Moment, call: Call, first: bool) -> list[Strike]:
        found: list[Strike] = []
        with self._lock:
            for armed in self._armed:
                if armed.fault.moment is moment and armed.wants(call):
                    found.append(Strike(armed.fault, _failures(armed, len(call.records))))
                    if first:
                        break
            self._armed = [armed for armed in self._armed if armed.left != 0]
        return found


def _failures(armed: _Armed, count: int) -> tuple[bool, ...]:
    mask = armed.fault.mask
    if mask is not None:
        return (mask + (False,) * count)[:count]
    if armed.fault.rate:
        return tuple(armed.random.random() < armed.fault.rate for _ in range(count))
    return (False,) * count
