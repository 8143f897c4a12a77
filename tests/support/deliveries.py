"""Deliveries of which a test says what is pending and when it is delivered."""

from __future__ import annotations

from typing import Any


class ScriptedDeliveries:
    """Answers as the deliveries of a process do; ``pending`` is when the oldest line came."""

    def __init__(self) -> None:
        self.pending: float | None = None
        self.failing = False
        self.spared = False
        self.recovered = True
        self.lacks_thread = False
        #: Seconds that each flush was given.
        self.flushes: list[float | None] = []
        #: Whether each request so far was urgent.
        self.requests: list[bool] = []
        #: Whether each was hurried.
        self.hurried: list[bool] = []
        #: How often what is pending was to go to the runtime's own output.
        self.diverted = 0
        #: How often somebody has looked whether the journals' files are there.
        self.looks = 0
        self._open: set[int] = set()

    @property
    def makes_wait(self) -> bool:
        """Whether nobody is to be held for a flush."""
        return self.failing or self.spared

    def request_flush(self, *, urgent: bool = False, hurried: bool = False) -> Any:
        """Ask for what is pending; the target is the number of the request."""
        self.requests.append(urgent)
        self.hurried.append(hurried)
        number = len(self.requests)
        if self.pending is not None:
            self._open.add(number)
        return number

    def settled(self, targets: Any) -> bool:
        """Whether what was asked for is delivered."""
        return targets not in self._open

    def divert(self) -> None:
        """What is pending goes to the runtime's own output, where that is wanted."""
        self.diverted += 1

    def look_after_journals(self) -> None:
        """The function may have deleted files."""
        self.looks += 1

    def oldest(self) -> float | None:
        """When the oldest pending line came."""
        return self.pending

    def flush(self, timeout: float | None = None, *, urgent: bool = False) -> None:
        """Deliver on the calling thread."""
        self.flushes.append(timeout)
        self.deliver()

    def deliver(self) -> None:
        """Firehose has taken everything."""
        self.pending = None
        self._open.clear()
