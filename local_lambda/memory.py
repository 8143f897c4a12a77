"""How much memory an environment's processes hold, watched, and what happens over the limit.

The service's limit is a control group's; an ordinary user has none to give, so we look.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .launcher import descendants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds between two looks while something runs.
LOOK_SECONDS = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def held_by(pids: list[int]) -> int:
    """Return the bytes that processes hold together; what files they share is counted once.

    A cheap figure, never too low by much: pages that a fork still shares are counted twice.
    """
    own = shared = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/statm").read_text().split()
        except OSError:
            continue
        own += int(fields[1]) - int(fields[2])
        shared = max(shared, int(fields[2]))
    return (own + shared) * PAGE_BYTES


def proportional(pids: list[int]) -> int:
    """Return the same with shared pages divided among who shares them: right, and slower."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def trees(leaders: list[int]) -> list[list[int]]:
    """Return each process with all below it."""
    return [[leader, *descendants(leader)] for leader in leaders]


class MemoryWatch:
    """Look at what `leaders` and all below them hold, while `watching`.

    `limit`: bytes, None for no limit. `over` is called with the leader of the largest tree, once
    in each stretch of watching, when all of them together hold more. `others` returns further
    processes, which are nobody's children any more.
    """

    def __init__(
        self,
        leaders: Callable[[], list[int]],
        others: Callable[[], list[int]],
        *,
        limit: int | None,
        over: Callable[[int], None],
    ) -> None:
        self._leaders = leaders
        self._others = others
        self._limit = limit
        self._over = over
        self._peak = 0

    @property
    def peak(self) -> int:
        """The most bytes held so far, at most the limit."""
        return self.capped(self._peak)

    def capped(self, held: int) -> int:
        """Return a figure of another source, at most the limit: the kernel lets nobody past it."""
        return held if self._limit is None else min(held, self._limit)

    def forget(self) -> None:
        """The processes are gone; others will start from nothing."""
        self._peak = 0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look every now and then until the block is left, and once more then."""
        end = threading.Event()
        thread = threading.Thread(target=self._run, args=(end,), name="memory", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
            self._look()

    def _run(self, end: threading.Event) -> None:
        while not end.wait(LOOK_SECONDS):
            if self._look():
                return

    def _look(self) -> bool:
        """Look once; tell whether the limit was passed."""
        found = trees(self._leaders())
        pids = sorted({pid for tree in found for pid in tree} | set(self._others()))
        held = held_by(pids)
        if self._limit is not None and held > self._limit:
            held = proportional(pids) or held
        self._peak = max(self._peak, held)
        if self._limit is None or held <= self._limit or not found:
            return False
        self._over(max(found, key=held_by)[0])
        return True
