"""From the first call that fails to the first that stores again: what is told of it. Pure."""

from __future__ import annotations

#: Seconds between two outages that are told; a stream that comes and goes would fill itself.
TELL_EVERY = 60.0


class Outage:
    """The outage of one stream, if there is one."""

    def __init__(self) -> None:
        # All mutable state.
        self._began: float | None = None
        self._told: set[str] = set()  # the errors of this one that were told
        self._told_at = float("-inf")

    def begin(self, now: float) -> None:
        """A call has failed; the first one counts."""
        if self._began is None:
            self._began = now

    def tells(self, error: str, now: float) -> bool:
        """Whether this error is to be told now; each is told once an outage.

        Args:
            error: its code.
            now: seconds, of the clock of ``begin``.
        """
        if error in self._told or (not self._told and now - self._told_at < TELL_EVERY):
            return False
        self._told.add(error)
        self._told_at = now
        return True

    def end(self, now: float) -> float | None:
        """Something was stored; the seconds that it lasted, if it was told.

        Args:
            now: seconds, of the clock of ``begin``.
        """
        began, told = self._began, self._told
        self._began, self._told = None, set()
        return now - began if began is not None and told else None
