"""The journals of processes that are gone: taken hold of, read, and emptied.

The function may empty ``/tmp`` at any time, so what lies there when a process starts is opened
before the function's code runs: it can be read when its names are gone. And whoever empties a
folder must not find that a name which it has just listed is there no more: a file that has been
read is cut to nothing at once, and its name goes when the next process starts, or this one ends.
"""

from __future__ import annotations

import fcntl
import os
import stat

from firehose_logging._delivery.segment import COUNTED, HEADER, MAX_BYTES, files_of
from firehose_logging._delivery.segment_reader import not_kept, read_lines, read_losses
from firehose_logging._natives import read
from firehose_logging._reasons import BUFFER_FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: Its number among those of its process, its name, its size, its inode, our descriptor.
    Held = tuple[int, str, int, int, int]

#: Most files that are held open before they are read. One process has a dozen at most; where many
#: were killed one after another, the rest keeps its names until its turn comes.
MOST_CLAIMED = 48

# Bytes that are read at once.
_PART = 1_048_576


class Orphans:
    """What processes that are gone have left of one stream, in one folder.

    Args:
        folder: where journals are kept.
        prefix: how the names of the stream's begin.
    """

    def __init__(self, folder: str, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        # All mutable state.
        self._claimed: dict[str, list[Held]] = {}
        self._emptied: list[tuple[str, int]] = []
        #: Losses that those processes did not live to tell, by reason: what ``recover`` found.
        self.found: dict[str, int] = {}
        #: Whether files of processes that live were passed over by the last ``recover``.
        self.passed_over = False

    def claim(self) -> None:
        """Take hold of what is there now; nobody can remove it any more."""
        room = MOST_CLAIMED
        for process, files in self._by_process().items():
            if room < len(files):
                break
            held = self._take_all(files)
            if held:
                self._claimed[process] = held
                room -= len(held)

    def recover(
        self, own: str, note: Callable[[dict[str, int]], None] | None = None
    ) -> Iterator[bytes]:
        """The lines that they left; a process's files are emptied once they are read.

        Files of a process that lives are locked, and passed over.

        Args:
            own: names of files of this process begin like this.
            note: called with the losses, by reason, that a process did not live to tell, before its
                files are emptied.
        """
        self.found = {}
        self.passed_over = False
        left = self._by_process()
        excess = sum(size for files in left.values() for _, _, size in files) - MAX_BYTES
        for process, held in self._claimed.items():
            # What has no name any more takes room all the same.
            names = {name for _, name, _ in left.setdefault(process, [])}
            excess += sum(size for _, name, size, _, _ in held if name not in names)
        mine = made_by(own)[0]
        for process in [*self._claimed, *(name for name in left if name not in self._claimed)]:
            if process == mine:
                continue
            held = [each for each in self._claimed.pop(process, ()) if _is_open(each)]
            try:
                names = {name for _, name, *_ in held}
                held += self._take_all([each for each in left[process] if each[1] not in names])
                if held:
                    held.sort()
                    lost: dict[str, int] = {}
                    yield from self._read([fd for *_, fd in held], lost, dropped=excess > 0)
                    for reason, count in lost.items():
                        self.found[reason] = self.found.get(reason, 0) + count
                    if lost and note is not None:
                        note(lost)
                    excess -= sum(size for _, _, size, _, _ in held)
                    self._empty(held)
            finally:
                for *_, fd in held:
                    os.close(fd)

    def close(self) -> None:
        """Let go of what has not been read, for the next process; delete what has."""
        for held in self._claimed.values():
            for each in held:
                if _is_open(each):
                    os.close(each[-1])
        self._claimed = {}
        for name, inode in self._emptied:
            self._delete(name, inode)
        self._emptied = []

    def _by_process(self) -> dict[str, list[tuple[int, str, int]]]:
        """Number, name and size of the files of each process, the oldest process first."""
        processes: dict[str, list[tuple[int, str, int]]] = {}
        for _, size, name in files_of(self._folder, self._prefix):
            process, number = made_by(name)
            processes.setdefault(process, []).append((number, name, size))
        return processes

    def _take_all(self, files: list[tuple[int, str, int]]) -> list[Held]:
        held = []
        for number, name, _ in files:
            fd = self._take(name)
            if fd < 0:
                continue
            found = os.fstat(fd)
            if found.st_size:
                held.append((number, name, found.st_size, found.st_ino, fd))
            else:  # read by a process before this one, or by this one for a child
                self._delete(name, found.st_ino)
                os.close(fd)
        return held

    def _take(self, name: str) -> int:
        """A descriptor of a file that nobody holds; -1 where it is not for us."""
        try:
            flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            fd = os.open(f"{self._folder}/{name}", flags)
        except OSError:
            return -1  # taken by another process in the meantime, or no file of ours
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(fd)
            # Without a name it was taken by another process between our open and our lock. With
            # two it is no journal: somebody has linked it to a name of ours to have it emptied.
            is_one = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
            if is_one and found.st_uid == os.geteuid():
                return fd
        except OSError:
            self.passed_over = True
        os.close(fd)
        return -1

    @staticmethod
    def _read(held: list[int], lost: dict[str, int], *, dropped: bool) -> Iterator[bytes]:
        """The pending lines of one process, and into ``lost`` what it had lost."""
        try:
            # The last file has the last word.
            head = os.pread(held[-1], HEADER, 0)
            counts = zip(COUNTED, read_losses(head), strict=True)
            lost.update({reason: count for reason, count in counts if count})
            in_memory = not_kept(head)
            if in_memory:
                lost[BUFFER_FULL] = lost.get(BUFFER_FULL, 0) + in_memory
            for fd in held:
                for line in read_lines(_contents(fd), head):
                    if dropped:
                        lost[BUFFER_FULL] = lost.get(BUFFER_FULL, 0) + 1
                    else:
                        yield line
        except OSError:
            return

    def _empty(self, held: list[Held]) -> None:
        for _, name, _, inode, fd in held:
            try:
                os.ftruncate(fd, 0)
            except OSError:
                self._delete(name, inode)
            else:
                self._emptied.append((name, inode))

    def _delete(self, name: str, inode: int) -> None:
        path = f"{self._folder}/{name}"
        try:
            if os.lstat(path).st_ino == inode:
                os.unlink(path)  # noqa: PTH108
        except OSError:
            return


def _is_open(held: Held) -> bool:
    """Whether the descriptor is still that file's: the function may close what it does not know."""
    try:
        return os.fstat(held[-1]).st_ino == held[-2]
    except OSError:
        return False


def made_by(name: str) -> tuple[str, int]:
    """Which process made a file, and its how many-th it was."""
    process, _, rest = name.rpartition("~")[2].partition(".")
    number = rest.partition(".")[0]
    return process, int(number) if number.isdecimal() else 0


def _contents(fd: int) -> bytes:
    """A file's bytes; no more than all journals may have, or one that is none would fill memory."""
    parts: list[bytes] = []
    for _ in range(MAX_BYTES // _PART + 1):
        part = read(fd, _PART)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
