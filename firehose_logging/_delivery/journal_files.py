"""The crash journal: undelivered lines in ``/tmp``, for when the process is killed.

Lines are copied into a file that is mapped into memory, so a line costs a copy and no system
call, and is safe from SIGKILL as soon as it is written: the kernel owns the pages. A journal is a
few segment files. When nothing is pending the first one starts over, so that in normal life one
file is written again and again.

A process holds a lock on its segments for as long as it lives; the next process of the same
environment takes those that nobody holds. What it finds may have been delivered already
(``instanceId`` and ``seq`` tell), never the other way round.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import zlib

from firehose_logging.errors import BUFFER_FULL, LOSS_REASONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Our folder in the temporary directory.
FOLDER = "firehose-logging"

#: Bytes of a segment; a longer line has a segment of its own size.
SEGMENT_BYTES = 262_144

_SUFFIX = ".journal"
#: Most bytes of journals that processes which are gone may leave: an eighth of Lambda's smallest
#: /tmp, which is the function's. Past it the oldest files go, and their lines are counted as lost.
MAX_LEFT_BYTES = 64 * 1_048_576

_MAGIC = b"FHLJ0002"
# Then, little-endian and four bytes each: the generation, and for every reason the lines lost
# that no line tells yet. Counters of four bytes are never seen half written.
_COUNTS = len(_MAGIC) + 4
_HEADER = _COUNTS + 4 * len(LOSS_REASONS)
_ENTRY = 8  # length and checksum of a line, little-endian


class JournalError(Exception):
    """The journal cannot be used; the message says why."""


class _Segment:
    """One mapped and locked file. Generations make what is left of an earlier use invalid."""

    __slots__ = ("_fd", "_generation", "_map", "_path", "at", "last", "size")

    def __init__(self, path: str, size: int) -> None:
        fresh = f"{path}.new"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(fresh, flags, 0o600)
        try:
            # Locked before it has a name that anyone looks for.
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Real blocks: a hole in a full file system would be a SIGBUS when written to.
            os.posix_fallocate(self._fd, 0, size)
            self._map = mmap.mmap(self._fd, size)
            os.rename(fresh, path)  # noqa: PTH104 - pathlib costs an import
        except OSError:
            os.close(self._fd)
            os.unlink(fresh)  # noqa: PTH108
            raise
        self._path = path
        self.size = size
        self._generation = 0
        #: Index of the last line written; where the next one goes.
        self.last = -1
        self.at = _HEADER
        self._map[: len(_MAGIC)] = _MAGIC
        self.restart()

    def restart(self) -> None:
        """Forget every line."""
        self._generation = (self._generation + 1) & 0xFFFFFFFF
        self._map[len(_MAGIC) : _COUNTS] = self._generation.to_bytes(4, "little")
        self.at = _HEADER
        self.last = -1

    def count(self, losses: bytes) -> None:
        """Write the counters of losses."""
        self._map[_COUNTS:_HEADER] = losses

    def append(self, index: int, line: bytes) -> bool:
        """Write a line; False when there is no room for it."""
        at = self.at
        size = len(line)
        end = at + _ENTRY + size
        if end > self.size:
            return False
        # Length and checksum as two little-endian words, made as one.
        mark = (zlib.crc32(line, self._generation) << 32) | size
        self._map[at:end] = mark.to_bytes(_ENTRY, "little") + line
        self.at = end
        self.last = index
        return True

    def remove(self) -> None:
        """Delete and close the file, in that order: nobody may find it without our lock."""
        _unlink(self._path)
        self.close()

    def close(self) -> None:
        """Let go of the file; it stays, for the next process."""
        if self._fd >= 0:
            self._map.close()
            os.close(self._fd)
            self._fd = -1


class Journal:
    """The journal of one stream in one process.

    Args:
        temp_dir: where our folder is made.
        stream_name: only journals of the same stream are recovered.
        token: tells this process's files from those of others.

    Raises:
        JournalError: the folder is not ours alone, or cannot be made.
    """

    def __init__(self, temp_dir: str, stream_name: str, token: str) -> None:
        self._folder = f"{temp_dir}/{FOLDER}"
        # No legal stream name holds a tilde.
        self._prefix = f"{stream_name}~"
        self._name = f"{self._folder}/{self._prefix}{token}"
        _own_folder(self._folder)
        # All mutable state; the last segment is the one written to.
        self._segments: list[_Segment] = []
        self._made = 0
        self._losses = _NO_LOSSES
        #: Losses of processes that are gone, by reason: what ``recover`` found.
        self.found: dict[str, int] = {}
        #: Why lines are not journalled right now; None while they are.
        self.trouble: str | None = None

    def append(
        self,
        index: int,
        line: bytes,
        oldest: Callable[[], int | None],
        between: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        """Keep a line; never raises, ``trouble`` says when it could not.

        Args:
            index: the line's, as the batcher counts.
            line: newline included.
            oldest: gives the index of the oldest pending line, None for none; asked for only
                when room must be made.
            between: gives the indices, from and up to, of lines that are settled although an older
                one is pending; None knows of none.
        """
        if self.trouble is not None:
            return
        segments = self._segments
        if segments and segments[-1].append(index, line):
            return
        self.settled(oldest())
        if between is not None:
            self._forget(*between())
        if segments and segments[-1].append(index, line):
            return
        self._grow(len(line))
        if self.trouble is None:
            segments[-1].append(index, line)

    def _grow(self, size: int) -> None:
        self._made += 1
        path = f"{self._name}.{self._made}{_SUFFIX}"
        try:
            segment = _Segment(path, max(SEGMENT_BYTES, _HEADER + _ENTRY + size))
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return
        segment.count(self._losses)
        self._segments.append(segment)

    def lost(self, untold: Mapping[str, int]) -> None:
        """Keep the losses that no line tells yet, for the next process to tell.

        Args:
            untold: lines by reason; empty when all are told.
        """
        counts = [min(untold.get(reason, 0), 0xFFFFFFFF) for reason in LOSS_REASONS]
        self._losses = b"".join(count.to_bytes(4, "little") for count in counts)
        if not self._segments and untold:
            self._grow(0)
        elif self._segments:
            self._segments[-1].count(self._losses)

    def settled(self, oldest: int | None) -> None:
        """Forget lines that need no journal any more.

        Args:
            oldest: index of the oldest pending line; None when nothing is pending.
        """
        segments = self._segments
        if oldest is None:
            while len(segments) > 1:
                segments.pop(0).remove()
            if segments and segments[0].last >= 0:
                if segments[0].size > SEGMENT_BYTES and self._losses == _NO_LOSSES:
                    segments.pop(0).remove()
                else:
                    segments[0].restart()
            self.trouble = None  # what was full may have room again
            return
        while len(segments) > 1 and segments[0].last < oldest:
            segments.pop(0).remove()

    def _forget(self, start: int, end: int) -> None:
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
        for segment in self._segments:
            if keep:
                segment.close()
            else:
                segment.remove()
        self._segments.clear()

    def recover(self) -> Iterator[bytes]:
        """Lines that a process which is gone left behind; each file is deleted once read.

        A file whose process still lives is locked, and passed over.
        """
        self.found = {}
        last: dict[str, tuple[int, list[int]]] = {}
        dropped = 0
        left = self._left_behind()
        excess = sum(size for _, size, _ in left) - MAX_LEFT_BYTES
        for _, size, name in left:
            path = f"{self._folder}/{name}"
            try:
                fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                continue  # taken by another process in the meantime, or no file of ours
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found = os.fstat(fd)
                # Without a name it was taken by another process between our open and our lock.
                if stat.S_ISREG(found.st_mode) and found.st_nlink:
                    data = _contents(fd)
                    if excess > 0:
                        excess -= size
                        dropped += sum(1 for _ in read_lines(data))
                    else:
                        yield from read_lines(data)
                    # The counters are of the process: its newest file has the last word.
                    process, number = _made_by(name)
                    last[process] = max(last.get(process, (-1, [])), (number, read_losses(data)))
                    self.found = _sum(last.values(), dropped)
                    _unlink(path)
            except OSError:
                continue
            finally:
                os.close(fd)

    def _left_behind(self) -> list[tuple[int, int, str]]:
        """Age, size and name of all journals of the stream, the oldest first."""
        found = []
        for name in os.listdir(self._folder):  # noqa: PTH208 - pathlib costs an import
            # Without its last name it is not yet locked by the process that is making it.
            if not name.startswith(self._prefix) or not name.endswith(_SUFFIX):
                continue
            try:
                status = os.lstat(f"{self._folder}/{name}")
            except OSError:
                continue  # taken by another process in the meantime
            # Our own live segments are not left behind, and nobody else's either; but those are
            # few, and only the lock can tell.
            found.append((status.st_mtime_ns, status.st_size, name))
        return sorted(found)


def read_lines(data: bytes) -> Iterator[bytes]:
    """The whole lines of a segment's bytes, up to the first that is torn or old."""
    if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEADER:
        return
    generation = int.from_bytes(data[len(_MAGIC) : _COUNTS], "little")
    at = _HEADER
    while at + _ENTRY < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        checksum = int.from_bytes(data[at + 4 : at + _ENTRY], "little")
        line = data[at + _ENTRY : at + _ENTRY + size]
        if not size or len(line) != size or zlib.crc32(line, generation) != checksum:
            return
        yield line
        at += _ENTRY + size


def read_losses(data: bytes) -> list[int]:
    """A segment's counters of losses that nothing told yet, in the order of the reasons."""
    if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEADER:
        return [0] * len(LOSS_REASONS)
    return [int.from_bytes(data[at : at + 4], "little") for at in range(_COUNTS, _HEADER, 4)]


_NO_LOSSES = bytes(_HEADER - _COUNTS)


def _made_by(name: str) -> tuple[str, int]:
    """Which process made a file, and its how many-th it was."""
    process, _, rest = name.partition("~")[2].partition(".")
    number = rest.partition(".")[0]
    return process, int(number) if number.isdecimal() else 0


def _sum(losses: Iterable[tuple[int, list[int]]], dropped: int) -> dict[str, int]:
    """Losses by reason, those with dropped files included."""
    totals = [sum(numbers) for numbers in zip(*(counts for _, counts in losses), strict=True)]
    found = {r: count for r, count in zip(LOSS_REASONS, totals, strict=True) if count}
    if dropped:
        found[BUFFER_FULL] = found.get(BUFFER_FULL, 0) + dropped
    return found


def _contents(fd: int) -> bytes:
    parts: list[bytes] = []
    while True:
        part = os.read(fd, 1_048_576)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _own_folder(path: str) -> None:
    """Make our folder, or see that it is ours and nobody else's."""
    try:
        os.mkdir(path, 0o700)  # noqa: PTH102
    except FileExistsError:
        pass
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}") from None
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise JournalError(f"{path} is not a folder that only this user can read and write")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return
