"""Output below Python: descriptors 1 and 2, as native code and child processes write to them.

A file in memory stands behind each descriptor, opened to append, and is read a few times a second
and at the end of each invocation. A pipe would do the same for readers that are always quick; but
who writes to a pipe that is full waits, and where native code writes without giving up the
interpreter's lock, the reader never comes: the function hangs. Who writes to a file never waits.
"""

from __future__ import annotations

import io
import os
import sys

from firehose_logging._natives import allocate_lock, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

#: Bytes that are read at a time.
_CHUNK = 65_536

#: Bytes that become lines at one look; what is older is passed on, and its lines counted as lost.
MAX_WAITING = 16 * 1024 * 1024

#: Bytes that have been read before their memory is given back.
_GIVE_BACK = 4 * 1024 * 1024

#: Longest piece without a line end that waits for it, in bytes.
_MAX_PARTIAL = 65_536

#: Seconds that the end of an invocation waits for another thread that reads.
_PATIENCE = 1.0

#: What the package says on stderr is in the stream already.
_OURS = b"firehose_logging: "

# linux/falloc.h: make a hole where the file was read, and leave its length alone.
_PUNCH_HOLE = 0x02 | 0x01


class Descriptors:
    """Makes lines of what is written to descriptors 1 and 2.

    Args:
        take: called with the text of a line and ``stdout`` or ``stderr``.
        lose: called with a number of lines that were not taken.
        passthrough: whether everything still goes where it went before.
    """

    def __init__(
        self,
        take: Callable[[str, str], None],
        lose: Callable[[int], None],
        *,
        passthrough: bool,
    ) -> None:
        self._take = take
        self._lose = lose
        self._passthrough = passthrough
        self._pid = os.getpid()
        # All mutable state.
        self._files: list[_File] = []
        self._reader = allocate_lock()

    def start(self) -> None:
        """Put a file behind each descriptor; OSError where that cannot be done."""
        for number, name in ((1, "stdout"), (2, "stderr")):
            self._files.append(_File(number, name))

    def change(self, *, passthrough: bool) -> None:
        """Other passthrough from now on."""
        self._passthrough = passthrough

    def text(self, number: int, stream: TextIO) -> TextIO:
        """A stream like ``stream`` that writes past the file behind descriptor ``number``.

        Python's own output is captured where it is written and must not arrive twice.
        """
        for file in self._files:
            if file.number == number:
                return io.TextIOWrapper(
                    io.BufferedWriter(_Past(file.before, number)),
                    encoding=stream.encoding,
                    errors=stream.errors,
                    line_buffering=getattr(stream, "line_buffering", False),
                    write_through=getattr(stream, "write_through", False),
                )
        return stream

    def read(self, *, complete: bool = False) -> None:
        """Take what was written since the last look; nothing where another thread does just that.

        Args:
            complete: wait for that thread, and make lines of what waits for its line end, too.
        """
        if self._pid != os.getpid():
            return  # in a forked child the parent reads
        if not self._reader.acquire(timeout=_PATIENCE if complete else 0):
            return
        try:
            for file in self._files:
                self._read(file, complete)
        finally:
            self._reader.release()

    def _read(self, file: _File, complete: bool) -> None:
        size = os.fstat(file.fileno).st_size
        while file.at < size:
            data = os.pread(file.fileno, min(_CHUNK, size - file.at), file.at)
            if not data:
                break
            file.at += len(data)
            if self._passthrough:
                file.pass_on(data)
            if size - file.at > MAX_WAITING:
                self._lose(data.count(b"\n"))
                continue
            self._lines(file, data)
        if complete and file.partial:
            self._line(file, file.partial)
            file.partial = b""
        file.give_back()

    def _lines(self, file: _File, data: bytes) -> None:
        *lines, rest = (file.partial + data).split(b"\n")
        for line in lines:
            self._line(file, line)
        if len(rest) > _MAX_PARTIAL:
            self._line(file, rest)
            rest = b""
        file.partial = rest

    def _line(self, file: _File, line: bytes) -> None:
        if line.strip() and not line.startswith(_OURS):
            self._take(line.decode("utf-8", "replace").rstrip("\r"), file.name)

    def close(self) -> None:
        """Put everything back as it was, and take what is left."""
        if self._pid != os.getpid():
            return
        for file in self._files:
            file.restore()
        self.read(complete=True)
        files, self._files = self._files, []
        for file in files:
            file.close()


class _File:
    """The file behind one descriptor."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self.at = 0  # bytes read
        self.partial = b""
        self._given_back = 0
        self.before = os.dup(number)
        self.fileno = os.memfd_create(f"firehose-logging-{name}")
        # Opened anew to append: several processes may write, each at the end.
        appending = os.open(f"/proc/self/fd/{self.fileno}", os.O_RDWR | os.O_APPEND)
        try:
            os.dup2(appending, number)
        finally:
            os.close(appending)

    def pass_on(self, data: bytes) -> None:
        """Write to where the descriptor led before."""
        try:
            while data:
                data = data[write(self.before, data) :]
        except OSError:
            return  # gone, as it would be without us

    def give_back(self) -> None:
        """Free the memory of what was read."""
        if self.at - self._given_back < _GIVE_BACK:
            return
        import ctypes

        start, length = self._given_back, self.at - self._given_back
        libc = ctypes.CDLL(None, use_errno=True)
        offset, count = ctypes.c_int64(start), ctypes.c_int64(length)
        if libc.fallocate64(self.fileno, _PUNCH_HOLE, offset, count) == 0:
            self._given_back = self.at

    def restore(self) -> None:
        """Have the descriptor lead where it led before."""
        os.dup2(self.before, self.number)

    def close(self) -> None:
        """Close the file; children that still write to it are not heard any more."""
        os.close(self.fileno)


class _Past(io.FileIO):
    """Writes to where a descriptor led before, and has its number for all who ask."""

    def __init__(self, before: int, number: int) -> None:
        super().__init__(before, "wb", closefd=False)
        self._number = number

    def fileno(self) -> int:
        """The number that a child process is given to inherit."""
        return self._number


def available() -> bool:
    """Whether this system has files in memory: Linux."""
    return hasattr(os, "memfd_create") and sys.platform == "linux"
