"""The crash journal: undelivered lines in ``/tmp``, for when the process is killed.

A journal is a few files. When nothing is pending the first one starts over, so that in normal life
one file is written again and again. They lie in the folder itself and are hidden: a function that
empties ``/tmp`` with ``os.remove`` must not trip over a folder of ours. Then they are made anew.

A process holds a lock on its files for as long as it lives; the next process of the same
environment, or the parent of one that was forked, takes those that nobody holds. What it finds may
have been delivered already (``instanceId`` and ``seq`` tell), never the other way round.
"""

from __future__ import annotations

import os

from firehose_logging._delivery.segment import (
    ENTRY,
    HEADER,
    MAX_BYTES,
    NO_LOSSES,
    SUFFIX,
    Segment,
    files_of,
    losses_as_bytes,
)
from firehose_logging._interruption import is_users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from firehose_logging._delivery.orphans import Orphans

#: Bytes of the first file; a longer line has a file of its own size. Each further one is as large
#: as all before it, up to this part of the buffer: a handful of descriptors for any buffer.
SEGMENT_BYTES = 65_536
PARTS = 8

#: Largest file that is kept, empty, when nothing is pending: to make files for each burst of lines
#: takes longer than to fill them.
KEEP_BYTES = 1_048_576

#: Bytes of the file system that are left to the function: no file is made where less is free.
RESERVE_BYTES = 32 * 1_048_576

#: Most looks in so many seconds whether the files still have their names, at one of them in turn:
#: each costs a system call, as much as a line that is journalled, and lets other threads in. Where
#: more lines come, not every one of them is looked for.
LOOK_EVERY = 0.01
LOOKS = 8


class Journal:
    """The journal of one stream in one process.

    Args:
        folder: where its files are; made where it is not there.
        prefix: how the names of the stream's begin; only those are recovered.
        token: tells this process's files from those of others.
        buffer_bytes: of the lines that may be pending at a time.
        orphans: where somebody has claimed them already, what processes that are gone have left.

    Raises:
        OSError: the folder cannot be made, or is none.
    """

    def __init__(
        self,
        folder: str,
        prefix: str,
        token: str,
        buffer_bytes: int = 16_777_216,
        orphans: Orphans | None = None,
    ) -> None:
        self._folder = folder
        self._prefix = prefix
        self._name = f"{folder}/{prefix}{token}"
        try:
            os.makedirs(folder, 0o700, exist_ok=True)  # noqa: PTH103 - pathlib costs an import
        except OSError as error:
            raise OSError(f"{folder}: {error.strerror}") from None
        self._most_bytes = buffer_bytes // PARTS
        # All mutable state; the last segment is the one written to.
        self._orphans = orphans
        self._segments: list[Segment] = []
        self._made = 0
        self._losses = NO_LOSSES
        self._settled = (0, 0, 0)
        self._not_kept = (0, 0)
        self._look_again_at = 0.0
        self._looks = 0
        #: Until when, on the clock of ``append``, ``write`` alone is enough.
        self.quiet_until = 0.0
        #: Until then: writes a line into the last file, unless there is no room for it.
        self.write: Callable[[int, bytes], bool] = _nowhere
        # Whether files were made anew since somebody last asked.
        self._was_deleted = False
        #: Why lines are not journalled right now; None while they are.
        self.trouble: str | None = None

    def append(
        self,
        index: int,
        line: bytes,
        now: float,
        oldest: Callable[[], int | None],
        between: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        """Keep a line; ``trouble`` says when it could not.

        Args:
            index: the line's, as the batcher counts.
            line: newline included.
            now: seconds, of any clock that only grows.
            oldest: gives the index of the oldest pending line, None for none; asked for only
                when room must be made.
            between: gives the indices, from and up to, of lines that are settled although an older
                one is pending; None knows of none.
        """
        if self.trouble is not None:
            self._leave_out(index)
            return
        segments = self._segments
        if not now < self._look_again_at:
            self._look_again_at = now + LOOK_EVERY
            self._looks = 0
        if self._looks < LOOKS:
            self._looks += 1
            if segments and not segments[self._looks % len(segments)].is_there:
                self._look()
            if self._looks == LOOKS and segments and self.trouble is None:
                self.write = segments[-1].append
                self.quiet_until = self._look_again_at
        if segments and segments[-1].append(index, line):
            return
        gap = between() if between is not None else (0, 0)
        self.forget(oldest(), gap)
        if between is not None:
            self._remove_between(*gap)
        if segments and segments[-1].append(index, line):
            return
        self._grow(len(line))
        if not segments or not segments[-1].append(index, line):
            self._leave_out(index)

    def _leave_out(self, index: int) -> None:
        """Note a line that is in memory alone: killed now, the next process counts it as lost."""
        start, end = self._not_kept
        self._not_kept = (start if end else index, index + 1)
        try:
            if not self._segments:
                self._make_header()
            self._segments[-1].leave_out(*self._not_kept)
        except OSError as error:
            if is_users(error):
                raise
            # Not even that: told on stderr, as the rest of the trouble.

    def _make_header(self) -> None:
        """A file for what is to be told alone; it takes no room that is worth a bound."""
        self._made += 1
        path = f"{self._name}.{self._made}{SUFFIX}"
        self._segments.append(Segment(path, HEADER, self._losses, self._settled))

    def look(self) -> None:
        """Make anew what somebody has deleted; for when no line may come for a while."""
        self._looks = 0
        self.quiet_until = 0.0
        if self.trouble is None:
            self._look()

    def _look(self) -> None:
        try:
            for segment in self._segments:
                if not segment.is_there:
                    segment.make_anew()
                    self._was_deleted = True
        except OSError as error:
            if is_users(error):
                raise
            self.trouble = error.strerror or str(error)

    def take_deleted(self) -> bool:
        """Whether files were made anew since the last time that somebody asked."""
        was_deleted, self._was_deleted = self._was_deleted, False
        return was_deleted

    def _grow(self, size: int) -> None:
        self.quiet_until = 0.0
        so_far = sum(segment.size for segment in self._segments)
        wanted = max(min(so_far, self._most_bytes), SEGMENT_BYTES)
        wanted = max(wanted, HEADER + ENTRY + size)
        try:
            self.trouble = self._no_room_for(wanted)
            if self.trouble is None:
                self._made += 1
                path = f"{self._name}.{self._made}{SUFFIX}"
                segment = Segment(path, wanted, self._losses, self._settled)
                self._segments.append(segment)
        except OSError as error:
            if is_users(error):
                raise
            self.trouble = error.strerror or str(error)

    def _no_room_for(self, size: int) -> str | None:
        """Why a file of this size must not be made; None when it may."""
        space = os.statvfs(self._folder)
        if space.f_bavail * space.f_frsize - size < RESERVE_BYTES:
            return f"less than {RESERVE_BYTES >> 20} MiB would be left free in {self._folder}"
        if sum(taken for _, taken, _ in files_of(self._folder, self._prefix)) + size > MAX_BYTES:
            return f"journals have taken {MAX_BYTES >> 20} MiB in {self._folder}"
        return None

    def keep_losses(self, untold: Mapping[str, int]) -> None:
        """Keep the losses that no line tells yet, for the next process to tell.

        Args:
            untold: lines by reason; empty when all are told.
        """
        self._losses = losses_as_bytes(untold)
        if self._segments:
            self._segments[-1].count(self._losses)
        elif untold:
            if self.trouble is None:
                self._grow(0)
            if not self._segments:
                self._make_header()

    def forget(self, oldest: int | None, between: tuple[int, int] = (0, 0)) -> None:
        """Forget lines that need no journal any more.

        Args:
            oldest: index of the oldest pending line; None when nothing is pending.
            between: as of ``append``.
        """
        segments = self._segments
        if oldest is None:
            self._restart()
            self.trouble = None  # what was full may have room again
            return
        self._settled = (oldest, *between)
        if segments:
            segments[-1].forget(*self._settled)
        while len(segments) > 1 and segments[0].last < oldest:
            segments.pop(0).remove()

    def _restart(self) -> None:
        """Nothing is pending: one file is kept, the largest that may be, and begun anew."""
        segments = self._segments
        self.quiet_until = 0.0
        if self._not_kept[1]:
            self._not_kept = (0, 0)
            if segments:
                segments[-1].leave_out(0, 0)
        small = [segment for segment in segments if segment.size <= KEEP_BYTES]
        kept = max(small, key=_size, default=None)
        if kept is None and segments and self._losses != NO_LOSSES:
            kept = segments[-1]
        for segment in [segment for segment in segments if segment is not kept]:
            segments.remove(segment)
            segment.remove()
        if kept is not None and kept.last >= 0:
            kept.count(self._losses)
            kept.restart()

    def _remove_between(self, start: int, end: int) -> None:
        """Remove segments that hold nothing but lines from ``start`` up to ``end``."""
        segments = self._segments
        keep = [
            segment
            for at, segment in enumerate(segments)
            if at == len(segments) - 1
            or segment.last >= end
            or (segments[at - 1].last if at else -1) + 1 < start
        ]
        for segment in segments:
            if segment not in keep:
                segment.remove()
        segments[:] = keep

    def close(self, *, keep: bool) -> None:
        """Close the files, and delete them unless ``keep``: lines are still pending."""
        self.quiet_until = 0.0
        while self._segments:
            segment = self._segments.pop(0)
            if keep:
                segment.close()
            else:
                segment.remove()
        if self._orphans is not None:
            self._orphans.close()

    def recover(self, note: Callable[[dict[str, int]], None] | None = None) -> Iterator[bytes]:
        """Lines that processes which are gone left behind; as of ``Orphans.recover``."""
        if self._orphans is None:
            # After the first answer.
            from firehose_logging._delivery.orphans import Orphans

            self._orphans = Orphans(self._folder, self._prefix)
        return self._orphans.recover(self._name, note)

    @property
    def found(self) -> dict[str, int]:
        """Losses of processes that are gone, by reason: what ``recover`` found."""
        return {} if self._orphans is None else self._orphans.found

    @property
    def passed_over(self) -> bool:
        """Whether files of processes that live were passed over by the last ``recover``."""
        return self._orphans is not None and self._orphans.passed_over


def _size(segment: Segment) -> int:
    return segment.size


def _nowhere(index: int, line: bytes) -> bool:
    del index, line
    return False
