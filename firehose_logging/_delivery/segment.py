"""One file of the crash journal: mapped into memory, locked while its process lives.

A line costs a copy and no system call, and is safe from SIGKILL as soon as it is written: the
kernel owns the pages, and a process that is killed has made every store up to some moment, and none
after it. So lines are a chain: first the bytes of a line, and behind them a word of zero where the
next one will begin; then the word before it, which was zero so far, and which says that there is
a line. That word is one store of eight aligned bytes, which no kill can halve. Whatever lies behind
the zero, of an earlier use or of a line that was not finished, is never looked at.
"""

from __future__ import annotations

import fcntl
import mmap
import os

from firehose_logging._reasons import DIVERTED, LOSS_REASONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX = ".journal"

#: Most bytes of all journals of a stream, of processes that live and of those that are gone: an
#: eighth of Lambda's smallest /tmp, which is the function's. What is left beyond that is dropped,
#: the oldest first, and counted as lost; what is new is in memory alone, and counted as lost by the
#: next process where this one is killed.
MAX_BYTES = 64 * 1_048_576

#: What the counters count, in their order.
COUNTED = (*LOSS_REASONS, DIVERTED)

# A file begins with this.
MAGIC = b"FHLJ0007"
# Then, little-endian and four bytes each: from and up to which index lines are settled although
# older ones are pending, as while a call hangs; from and up to which index lines are in memory
# alone, since there was no room for them; the index of the oldest pending line of the process,
# whose last file has the last word; and for every reason the lines lost that no line tells yet.
# Words of four bytes are never seen half written, nor an aligned pair of them.
BETWEEN = len(MAGIC)
NOT_KEPT = BETWEEN + 8
OLDEST = NOT_KEPT + 8
COUNTS = OLDEST + 4
END = COUNTS + 4 * len(COUNTED)
HEADER = END + 7 & -8
# Before each line, where eight bytes begin: a word of its length, and above that its index, in the
# machine's own order; zero where no line has been written yet.
HEAD = 8
#: Most bytes that a line takes beside its own: its head, up to the next eight bytes, and the zero.
ENTRY = 24
WORD = 0xFFFFFFFF

NO_LOSSES = bytes(4 * len(COUNTED))


class Segment:
    """A file that is written to.

    Args:
        path: must not exist.
        size: in bytes, header included; cut to whole words of eight.
        losses: counters of losses.
        settled: as of ``forget``.

    Raises:
        OSError: there is no room, or no descriptor.
    """

    __slots__ = ("_inode", "_map", "_words", "at", "last", "path", "size")

    def __init__(
        self,
        path: str,
        size: int,
        losses: bytes = NO_LOSSES,
        settled: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        self.path = path
        self.size = size & -8
        #: Index of the last line written; where the next one goes.
        self.last = -1
        self.at = HEADER
        # There as soon as the file is: whoever reads it takes its word for the whole process's.
        oldest, start, end = settled
        words = _pair(start, end) + _pair(0, 0) + (oldest & WORD).to_bytes(4, "little")
        self._map, self._inode = _make(path, self.size, MAGIC + words + losses)
        self._words = memoryview(self._map).cast("Q")

    @property
    def is_there(self) -> bool:
        """Whether the file still has its name; somebody may have emptied the folder."""
        try:
            return os.lstat(self.path).st_ino == self._inode
        except OSError:
            return False

    def make_anew(self) -> None:
        """Make the file again, with all that it held.

        Raises:
            OSError: as of the constructor.
        """
        before, words_before = self._map, self._words
        made, inode = _make(self.path, self.size, before[:])
        words = memoryview(made).cast("Q")
        self._map = made
        self._words = words
        self._inode = inode
        words_before.release()
        before.close()

    def restart(self) -> None:
        """Forget every line."""
        self._words[HEADER >> 3] = 0
        self.at = HEADER
        self.last = -1

    def forget(self, oldest: int, start: int, end: int) -> None:
        """Write which lines need not be read again.

        Args:
            oldest: index of the oldest pending line; those before it are settled.
            start: index from which on others are settled, too.
            end: index up to which they are.
        """
        # Two aligned stores: a kill between them leaves each whole, and either is true.
        self._map[OLDEST:COUNTS] = (oldest & WORD).to_bytes(4, "little")
        self._map[BETWEEN:NOT_KEPT] = _pair(start, end)

    def leave_out(self, start: int, end: int) -> None:
        """Write which lines are in no file: from ``start`` up to ``end``, where not settled."""
        self._map[NOT_KEPT:OLDEST] = _pair(start, end)

    def count(self, losses: bytes) -> None:
        """Write the counters of losses."""
        self._map[COUNTS:END] = losses

    def append(self, index: int, line: bytes) -> bool:
        """Write a line; False when there is no room for it."""
        at = self.at
        size = len(line)
        start = at + HEAD
        end = start + size
        after = end + 7 & -8
        if after >= self.size:
            return False
        head = (index & WORD) << 32 | size
        words = self._words
        # No call from here on, see the batcher. Killed before the last store, the chain ends here;
        # after it, behind this line.
        self._map[start:end] = line
        words[after >> 3] = 0
        words[at >> 3] = head
        self.at = after
        self.last = index
        return True

    def remove(self) -> None:
        """Delete and close the file, in that order: nobody may find it without our lock."""
        if self.is_there:
            _unlink(self.path)
        self.close()

    def close(self) -> None:
        """Let go of the file; it stays, for the next process."""
        self._words.release()
        self._map.close()


def _make(path: str, size: int, contents: bytes) -> tuple[mmap.mmap, int]:
    """A file that has its contents and its lock before it has its name; its map and its inode."""
    try:
        # Never under another name, which a function that empties the folder could trip over.
        fd = _open(path.rpartition("/")[0], getattr(os, "O_TMPFILE", os.O_EXCL))
        try:
            made = _filled(fd, size, contents)
            os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd)  # with it the link is followed
        finally:
            os.close(fd)
    except OSError:
        fresh = f"{path}.new"  # not every system has files without a name
        fd = _open(fresh, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        try:
            made = _filled(fd, size, contents)
            os.rename(fresh, path)  # noqa: PTH104 - pathlib costs an import
        except BaseException:
            _unlink(fresh)
            raise
        finally:
            os.close(fd)
    return made


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _filled(fd: int, size: int, contents: bytes) -> tuple[mmap.mmap, int]:
    # The map has a descriptor of its own of the same open file, and with it the lock.
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Real blocks: a hole in a full file system would be a SIGBUS when written to.
    os.posix_fallocate(fd, 0, size)
    made = mmap.mmap(fd, size)
    made[: len(contents)] = contents
    return made, os.fstat(fd).st_ino


def losses_as_bytes(untold: Mapping[str, int]) -> bytes:
    """The counters of a header."""
    return b"".join(min(untold.get(r, 0), WORD).to_bytes(4, "little") for r in COUNTED)


def _pair(first: int, last: int) -> bytes:
    return ((first & WORD) | (last & WORD) << 32).to_bytes(8, "little")


def files_of(folder: str, prefix: str) -> list[tuple[int, int, str]]:
    """Age, size and name of all journals of a stream, the oldest first.

    Args:
        folder: where journals are kept.
        prefix: how the names of the stream's begin.
    """
    found = []
    for name in os.listdir(folder):  # noqa: PTH208 - pathlib costs an import
        # Without its last name it is not yet locked by the process that is making it.
        if not name.startswith(prefix) or not name.endswith(SUFFIX):
            continue
        try:
            status = os.lstat(f"{folder}/{name}")
        except OSError:
            continue  # taken by another process in the meantime
        found.append((status.st_mtime_ns, status.st_size, name))
    return sorted(found)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return
