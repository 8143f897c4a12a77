"""What a process writes, as log events: lines of stdout and stderr, frames of the log fd.

On the service the Python runtime does not print its log records: it writes frames to the file
descriptor in `_LAMBDA_TELEMETRY_LOG_FD`. A frame is 4 bytes of type, 4 bytes of length, 8 bytes of
time (microseconds since the epoch), big-endian, then UTF-8 text, as `awslambdaric/bootstrap.py`
(`FramedTelemetryLogSink`) writes it.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import selectors
import struct
import termios
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FRAME_HEADER = struct.Struct(">HHIQ")
FRAME_MAGIC = 0xA55A
#: Low half of the frame type -> (level, format); from `awslambdaric/lambda_runtime_log_utils.py`.
FRAME_KINDS: dict[int, tuple[str, str]] = {
    0x0003: ("NOTSET", "Text"),
    0x0002: ("NOTSET", "JSON"),
    0x000B: ("DEBUG", "Text"),
    0x000A: ("DEBUG", "JSON"),
    0x000F: ("INFO", "Text"),
    0x000E: ("INFO", "JSON"),
    0x0013: ("WARNING", "Text"),
    0x0012: ("WARNING", "JSON"),
    0x0017: ("ERROR", "Text"),
    0x0016: ("ERROR", "JSON"),
    0x001B: ("CRITICAL", "Text"),
    0x001A: ("CRITICAL", "JSON"),
}
#: A line without an end is passed on in pieces of this size: CloudWatch's largest event, 1 MiB.
MAX_LINE_BYTES = 1024 * 1024
#: A frame longer than this is taken for garbage: a record of the runtime is never that long.
MAX_FRAME_BYTES = 64 * 1024 * 1024
READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class LogEvent:
    """One line or frame.

    `stream` is stdout, stderr, log (the framed fd) or extension; `text` is without its last line
    end; `raw` with it, as telemetry carries it; `time` is seconds since the epoch; `level` and
    `format` (Text, JSON) are what the frame said, None for plain lines; `request_id` is the
    invocation during which it was read, None outside; `source` is the process that wrote it.
    """

    stream: str
    text: str
    raw: str
    time: float
    source: str = "runtime"
    request_id: str | None = None
    level: str | None = None
    format: str | None = None


class LineSplitter:
    """Cut a byte stream into lines at line feeds."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[LogEvent]:
        """Yield the lines that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield self._event(line)
        while len(self._rest) >= MAX_LINE_BYTES:
            piece, self._rest = self._rest[:MAX_LINE_BYTES], self._rest[MAX_LINE_BYTES:]
            yield self._event(piece)

    def end(self) -> Iterator[LogEvent]:
        """Yield what was left without a line end."""
        if self._rest:
            yield self._event(self._rest)
            self._rest = b""

    def _event(self, line: bytes) -> LogEvent:
        text = line.decode("utf-8", "replace")
        return LogEvent(self._stream, text, text, time.time())


class FrameParser:
    """Cut the framed log fd into events; bytes that are no frame become plain lines."""

    def __init__(self) -> None:
        self._buffer = b""
        self._broken: LineSplitter | None = None

    def feed(self, data: bytes) -> Iterator[LogEvent]:
        """Yield the frames that `data` completes."""
        if self._broken is not None:
            yield from self._broken.feed(data)
            return
        self._buffer += data
        while len(self._buffer) >= FRAME_HEADER.size:
            magic, kind, length, micros = FRAME_HEADER.unpack_from(self._buffer)
            if magic != FRAME_MAGIC or length > MAX_FRAME_BYTES:
                # Nothing says where the next frame begins, so the rest is shown as it is.
                self._broken = LineSplitter("log")
                yield from self._broken.feed(self._buffer)
                return
            end = FRAME_HEADER.size + length
            if len(self._buffer) < end:
                return
            raw = self._buffer[FRAME_HEADER.size : end].decode("utf-8", "replace")
            self._buffer = self._buffer[end:]
            level, form = FRAME_KINDS.get(kind, ("NOTSET", "Text"))
            yield LogEvent(
                "log", raw.removesuffix("\n"), raw, micros / 1e6, level=level, format=form
            )

    def end(self) -> Iterator[LogEvent]:
        """Yield what a cut-off frame or broken stream left behind."""
        if self._broken is not None:
            yield from self._broken.end()
        elif self._buffer:
            text = self._buffer[FRAME_HEADER.size :].decode("utf-8", "replace")
            yield LogEvent("log", text, text, time.time())
            self._buffer = b""


class OutputReader:
    """Read the pipes of one process in a thread and hand each event to `sink`.

    `pipes` maps stdout, stderr and log to read ends, which this object owns and closes.
    """

    def __init__(
        self, source: str, pipes: dict[str, int], sink: Callable[[LogEvent], None]
    ) -> None:
        self._source = source
        self._sink = sink
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._wake_lock = threading.Lock()
        self._wake_open = True
        self._stop = False
        self._syncs: list[threading.Event] = []
        for stream, fd in pipes.items():
            os.set_blocking(fd, False)
            splitter = FrameParser() if stream == "log" else LineSplitter(stream)
            self._selector.register(fd, selectors.EVENT_READ, splitter)
        os.set_blocking(self._wake_read, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name=f"output-{source}", daemon=True)
        self._thread.start()

    def sync(self, timeout: float = 1.0) -> bool:
        """Wait until all that was written before this call has reached the sink."""
        if threading.current_thread() is self._thread:
            return True
        done = threading.Event()
        with self._wake_lock:
            if not self._wake_open:
                return True
            self._syncs.append(done)
            os.write(self._wake_write, b"s")
        return done.wait(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Stop after a last read, even when a grandchild still holds a pipe; idempotent."""
        self._stop = True
        with self._wake_lock:
            if self._wake_open:
                os.write(self._wake_write, b"c")
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while len(self._selector.get_map()) > 1 and not self._stop:
                ready = [key for key, _ in self._selector.select()]
                woken = any(key.fd == self._wake_read for key in ready)
                if woken:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake_read, 4096)
                syncs: list[threading.Event] = []
                if woken:
                    with self._wake_lock:
                        syncs, self._syncs = self._syncs, []
                # A wake-up asks for everything there is now, so every pipe is read, not only
                # those that select had reported.
                keys = list(self._selector.get_map().values()) if woken else ready
                for key in keys:
                    if key.data is not None:
                        self._drain(key.fd, key.data, whole=woken)
                for done in syncs:
                    done.set()
        finally:
            self._finish()

    def _drain(self, fd: int, splitter: LineSplitter | FrameParser, *, whole: bool) -> None:
        left = _available(fd) if whole else 0  # bounded: a writer may never pause
        while True:
            try:
                data = os.read(fd, READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._emit(splitter.end())
                self._selector.unregister(fd)
                os.close(fd)
                return
            self._emit(splitter.feed(data))
            left -= len(data)
            if left <= 0:
                return

    def _emit(self, events: Iterator[LogEvent]) -> None:
        for event in events:
            self._sink(replace(event, source=self._source))

    def _finish(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._drain(key.fd, key.data, whole=True)
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._emit(key.data.end())
                os.close(key.fd)
        self._selector.close()
        with self._wake_lock:
            self._wake_open = False
            os.close(self._wake_read)
            os.close(self._wake_write)
            syncs, self._syncs = self._syncs, []
        for done in syncs:
            done.set()


def _available(fd: int) -> int:
    """Return how many bytes wait in the pipe."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(fd, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]
