"""From records to objects: buffering by size and interval, and writing."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from . import compression, keys, parquet
from .errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .clock import Clock
    from .ledger import Ledger
    from .stream import DeliveryStream

#: Seconds until a bucket that failed is tried again; the service names no number.
RETRY_SECONDS = 5.0
#: Records are kept so long while their bucket cannot be written, then they are lost
#: (API reference, PutRecordBatch: "stored for 24 hours").
RETENTION = timedelta(hours=24)


@dataclass
class _Buffer:
    """Records of one object to be."""

    arrived: datetime
    opened: float
    parts: list[bytes] = field(default_factory=list)
    records: int = 0
    size: int = 0
    key: str = ""
    retry_at: float = 0.0


class Delivery:
    """Buffers the records of one stream and writes them to its bucket.

    Args:
        stream: the settings.
        clock: for the interval and for keys.
        ledger: told of every object, failure and loss.
    """

    def __init__(self, stream: DeliveryStream, clock: Clock, ledger: Ledger) -> None:
        self.stream = stream
        self.bucket = stream.open_bucket()
        self._clock = clock
        self._ledger = ledger
        self._zone = stream.zone()
        self._limit = stream.buffer_mib * 1024 * 1024
        self._delimiter = (stream.append_delimiter or "").encode()
        # Mutable state. `_lock` guards the buffers and is never held while writing; `_writing`
        # keeps objects in order and is taken before `_lock`.
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._open: _Buffer | None = None
        self._sealed: deque[_Buffer] = deque()
        self._keys: list[str] = []

    @property
    def keys(self) -> list[str]:
        """Return the keys written so far, oldest first."""
        with self._lock:
            return list(self._keys)

    @property
    def pending(self) -> int:
        """Return the number of records not yet written."""
        with self._lock:
            waiting = sum(buffer.records for buffer in self._sealed)
            return waiting + (self._open.records if self._open else 0)

    def append(self, records: Sequence[bytes]) -> None:
        """Take records, in order; never waits for a bucket."""
        with self._lock:
            for data in records:
                buffer = self._open
                if buffer is None:
                    buffer = _Buffer(self._clock.now(), self._clock.monotonic())
                    self._open = buffer
                buffer.parts.append(data)
                if self._delimiter:
                    buffer.parts.append(self._delimiter)
                buffer.records += 1
                buffer.size += len(data) + len(self._delimiter)
                if buffer.size >= self._limit:
                    self._seal()

    def due_in(self) -> float | None:
        """Return the seconds until `deliver_due` has work, 0 for now, None for nothing to do."""
        now = self._clock.monotonic()
        with self._lock:
            moments = []
            if self._sealed:
                moments.append(self._sealed[0].retry_at)
            if self._open is not None:
                moments.append(self._open.opened + self.stream.buffer_seconds)
        return max(0.0, min(moments) - now) if moments else None

    def deliver_due(self) -> None:
        """Write what is full or old enough; a failure is counted and tried again later."""
        with self._writing:
            now = self._clock.monotonic()
            with self._lock:
                opened = None if self._open is None else self._open.opened
                if opened is not None and now >= opened + self.stream.buffer_seconds:
                    self._seal()
                ready = bool(self._sealed) and now >= self._sealed[0].retry_at
            if ready:
                self._write_sealed()

    def flush(self) -> list[str]:
        """Write everything now and return the keys written.

        Raises:
            DeliveryError: the bucket refused; the records are kept.
        """
        with self._writing:
            with self._lock:
                self._seal()
                first = len(self._keys)
            error = self._write_sealed()
            if error is not None:
                raise DeliveryError(
                    f"stream {self.stream.name!r}: {self.pending} records could not be written to "
                    f"bucket {self.bucket.name!r} and are kept: {error}"
                ) from error
            return self.keys[first:]

    def _seal(self) -> None:
        if self._open is not None:
            self._sealed.append(self._open)
            self._open = None

    def _write_sealed(self) -> Exception | None:
        """Write sealed buffers until none is left or one fails; only the holder of `_writing`."""
        while True:
            with self._lock:
                if not self._sealed:
                    return None
                buffer = self._sealed[0]
            try:
                self._write(buffer)
            except Exception as error:  # noqa: BLE001 - whatever a bucket raises, records are kept
                self._ledger.add("failed_deliveries")
                if self._clock.now() - buffer.arrived > RETENTION:
                    with self._lock:
                        self._sealed.popleft()
                    self._ledger.add("expired_records", buffer.records)
                    continue
                buffer.retry_at = self._clock.monotonic() + RETRY_SECONDS
                return error
            with self._lock:
                self._sealed.popleft()
                self._keys.append(buffer.key)
            self._ledger.delivered(buffer.records, buffer.size)

    def _write(self, buffer: _Buffer) -> None:
        stream = self.stream
        if not buffer.key:
            buffer.key = keys.object_key(
                stream.prefix,
                stream.name,
                stream.version,
                buffer.arrived,
                self._zone,
                stream.extension(),
            )
        data = b"".join(buffer.parts)
        if stream.columns is not None:
            self._write_columns(buffer, data, stream.columns)
            return
        member = buffer.key.rpartition("/")[2].removesuffix(".zip")
        # GZIP objects of the service carry Content-Encoding: gzip (seen by floci-io/floci#2410).
        encoding = "gzip" if stream.compression == "GZIP" else None
        self.bucket.put(
            buffer.key, compression.compress(stream.compression, data, member), encoding
        )

    def _write_columns(
        self, buffer: _Buffer, data: bytes, columns: Sequence[tuple[str, str]]
    ) -> None:
        """Write records as Parquet, and what cannot be converted below the error prefix."""
        table, failed = parquet.convert(data, columns)
        if table:
            self.bucket.put(buffer.key, table, None)
        if failed:
            moment = buffer.arrived.astimezone(self._zone)
            template = self.stream.error_prefix or parquet.DEFAULT_ERROR_PREFIX
            prefix = keys.evaluate(template, moment, "format-conversion-failed")
            name = buffer.key.rpartition("/")[2].removesuffix(".parquet")
            self.bucket.put(prefix + name, "\n".join(failed).encode("utf-8", "replace"), None)


class DeliveryThread:
    """Calls `deliver_due` when something is due."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._woken = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, deliveries: Callable[[], Iterable[Delivery]]) -> None:
        """Start the thread; `deliveries` is asked each time for those to look after."""
        self._thread = threading.Thread(
            target=self._run, args=(deliveries,), name="local-firehose-delivery", daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Look again at what is due: records came, a stream was added, or time was moved."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread and wait for it; what is buffered stays buffered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self, deliveries: Callable[[], Iterable[Delivery]]) -> None:
        while True:
            waits = [delivery.due_in() for delivery in deliveries()]
            timeout = min((wait for wait in waits if wait is not None), default=None)
            with self._changed:
                if not self._woken and not self._closed:
                    self._changed.wait(timeout)
                if self._closed:
                    return
                self._woken = False
            for delivery in deliveries():
                delivery.deliver_due()
