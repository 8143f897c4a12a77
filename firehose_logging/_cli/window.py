"""The time asked for, and which objects can hold lines of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from firehose_logging._cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that Firehose collects before it writes an object, at most (API reference,
#: BufferingHints). A line of 10:59 may be in an object of 10:44, and one that came late in a
#: later one.
MAX_INTERVAL = 900

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
#: The end of Firehose's object names: arrival of the oldest record, UTC unless set otherwise.
_STAMP = re.compile(r"-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-[0-9a-f]{8}-")
_PATH = re.compile(r"(?:^|/)(\d{4})/(\d\d)/(\d\d)(?:/(\d\d))?/")


@dataclass(frozen=True)
class Window:
    """The lines asked for: ``since`` <= timestamp < ``until``, UTC; None leaves a side open.

    Args:
        since: oldest moment.
        until: newest moment.
        interval: seconds by which objects are looked for on both sides.
    """

    since: datetime | None = None
    until: datetime | None = None
    interval: int = MAX_INTERVAL

    def holds(self, first: datetime | None, last: datetime | None) -> bool:
        """Whether an object whose oldest record came between these may have lines of the window.

        None for an object that does not tell: it is read.
        """
        if first is None or last is None:
            return True
        slack = timedelta(seconds=self.interval)
        if self.since is not None and last + slack < self.since:
            return False
        return self.until is None or first <= self.until + slack

    def hours(self, now: datetime) -> Iterator[datetime] | None:
        """The hours whose objects are needed; None when the window has no beginning."""
        if self.since is None:
            return None
        slack = timedelta(seconds=self.interval)
        hour = (self.since - slack).replace(minute=0, second=0, microsecond=0)
        end = (self.until or now) + slack
        return _hours(hour, end)


def _hours(hour: datetime, end: datetime) -> Iterator[datetime]:
    while hour <= end:
        yield hour
        hour += timedelta(hours=1)


def arrival(key: str) -> tuple[datetime | None, datetime | None]:
    """Between which moments the oldest record of an object came, read from its key."""
    found = _STAMP.search(key.rpartition("/")[2])
    try:
        if found:
            year, month, day, hour, minute, second = map(int, found.groups())
            moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
            return moment, moment
        found = _PATH.search(key)
        if found:
            year, month, day = map(int, found.groups()[:3])
            hour = int(found.group(4) or 0)
            moment = datetime(year, month, day, hour, tzinfo=timezone.utc)
            return moment, moment + timedelta(hours=1 if found.group(4) else 24)
    except ValueError:  # 2026-13-40 is no date
        pass
    return None, None


def moment(text: str, now: datetime) -> datetime:
    """A moment from ``90m``, ``1h``, ``7d`` (ago), a date or RFC 3339 (UTC unless it says).

    Raises:
        CommandError: it is none of these.
    """
    found = _DURATION.fullmatch(text.strip())
    if found:
        return now - timedelta(seconds=float(found.group(1)) * _SECONDS[found.group(2)])
    try:
        read = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise CommandError(
            f"{text!r} is no time: give how long ago (90s, 15m, 1h, 7d), a date (2026-11-28) "
            "or a moment (2026-11-28T10:00:00Z)"
        ) from None
    return read.astimezone(timezone.utc) if read.tzinfo else read.replace(tzinfo=timezone.utc)
