"""One telemetry subscription: its buffer, and the thread that posts batches to the listener."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .sender import DeliveryError, Destination, Sender
from .telemetry import TelemetryEvent, render, timestamp

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

#: What the service tells with `platform.logsDropped` (telemetry schema reference, example).
DROP_REASON = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
#: Undelivered events kept for one subscriber, bytes. The service does not say; 8 MiB is ours.
DEFAULT_BACKLOG_BYTES = 8 * 1024 * 1024
FIRST_RETRY_SECONDS = 0.05
LONGEST_RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class Buffering:
    """When a batch is sent; whichever comes first. Defaults of the developer guide."""

    max_items: int = 10_000
    max_bytes: int = 262_144
    timeout_ms: int = 1_000


class Buffer:
    """Rendered events that wait, bounded; what does not fit is counted. Pure, not locked."""

    def __init__(self, buffering: Buffering, backlog_bytes: int) -> None:
        self._buffering = buffering
        self._backlog_bytes = backlog_bytes
        self._items: deque[tuple[bytes, float]] = deque()
        self._bytes = 0
        self.dropped_records = 0
        self.dropped_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, data: bytes, now: float, *, always: bool = False) -> bool:
        """Keep an event, or count it as dropped and return False; `always` ignores the bound."""
        if not always and self._bytes + len(data) > self._backlog_bytes:
            self.dropped_records += 1
            self.dropped_bytes += len(data)
            return False
        self._items.append((data, now))
        self._bytes += len(data)
        return True

    def due_in(self, now: float) -> float | None:
        """Return seconds until a batch is due (0: now), None while there is nothing to send."""
        if not self._items:
            return None
        full = (
            len(self._items) >= self._buffering.max_items
            or self._bytes >= self._buffering.max_bytes
        )
        if full:
            return 0.0
        return max(0.0, self._items[0][1] + self._buffering.timeout_ms / 1000 - now)

    def take(self) -> list[bytes]:
        """Remove and return a batch within `maxItems` and `maxBytes`; one event at least."""
        batch: list[bytes] = []
        size = 0
        while self._items and len(batch) < self._buffering.max_items:
            data = self._items[0][0]
            if batch and size + len(data) > self._buffering.max_bytes:
                break
            batch.append(data)
            size += len(data)
            self._bytes -= len(data)
            self._items.popleft()
        return batch

    def take_drops(self) -> tuple[int, int]:
        """Return dropped records and bytes since the last call."""
        drops = self.dropped_records, self.dropped_bytes
        self.dropped_records = self.dropped_bytes = 0
        return drops


class Subscription:
    """Deliver events of the chosen types to one extension's listener.

    `api` is telemetry or logs, `schema` decides the shape. A batch is sent until the listener
    takes it with a 2xx, with growing pauses; meanwhile events past `backlog_bytes` are dropped and
    told with `platform.logsDropped`. `note` gets one line for each delivery, failure and drop.
    """

    def __init__(
        self,
        name: str,
        api: str,
        schema: str,
        types: tuple[str, ...],
        destination: Destination,
        buffering: Buffering,
        *,
        backlog_bytes: int = DEFAULT_BACKLOG_BYTES,
        note: Callable[[str, str], None],
        connect: Callable[[int], socket.socket],
    ) -> None:
        self.name = name
        self.api = api
        self.schema = schema
        self.types = types
        self.categories = frozenset(types)
        self.destination = destination
        self.buffering = buffering
        self._note = note
        self._changed = threading.Condition()
        # All of the following is guarded by _changed.
        self._buffer = Buffer(buffering, backlog_bytes)
        self._flush = False
        self._paused = False
        self._closing = False
        self._sending = False
        self._discarded = False  # the batch that is being sent is not worth another try
        self._sender = Sender(
            destination,
            lambda: self._paused,
            lambda: self._closing or self._discarded,
            connect,
        )
        self._thread = threading.Thread(target=self._run, name=f"telemetry-{name}", daemon=True)
        self._thread.start()

    def offer(self, event: TelemetryEvent) -> None:
        """Take an event; never blocks. What the schema does not have is left out."""
        pieces = [render(piece, self.schema) for piece in self._pieces(event)]
        now = time.monotonic()
        with self._changed:
            for data in pieces:
                if data is not None:
                    self._buffer.add(data, now)
            self._changed.notify_all()

    @property
    def settled(self) -> bool:
        """True when the listener has taken everything."""
        with self._changed:
            return not self._sending and self._buffer.due_in(0.0) is None

    def flush(self) -> None:
        """Send what is buffered without waiting for more; returns at once."""
        with self._changed:
            self._flush = True
            self._changed.notify_all()

    def pause(self, *, paused: bool) -> None:
        """Stop or go on, as the environment is frozen or thawed."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def discard(self) -> None:
        """Give up what is left, a batch on its way included; go on with what comes."""
        with self._changed:
            while self._buffer.take():
                continue
            self._discarded = True
            self._changed.notify_all()

    def close(self) -> None:
        """Give up what is left and end the thread; idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(5.0)

    def _pieces(self, event: TelemetryEvent) -> list[TelemetryEvent]:
        """Cut an over-long text record as the service does: the envelope is repeated.

        Seen on the service: DataDog/datadog-lambda-extension PR #1357.
        """
        if event.text is None or len(event.text) * 6 < self.buffering.max_bytes:
            return [event]
        size = self.buffering.max_bytes - 256  # room for the envelope
        rendered = render(event, self.schema)
        if rendered is None or len(rendered) <= self.buffering.max_bytes:
            return [event]
        while len(rendered) / len(event.text) * size + 128 > self.buffering.max_bytes:
            size //= 2
        texts = [event.text[at : at + size] for at in range(0, len(event.text), size)]
        return [replace(event, record=text, text=text) for text in texts]

    def _run(self) -> None:
        retry = FIRST_RETRY_SECONDS
        batch: list[bytes] = []
        while (batch := batch or self._next_batch()) and not self._closing:
            try:
                self._sender.send(batch)
            except (OSError, DeliveryError) as error:
                self._note("telemetry not delivered", f"{len(batch)} events: {error}")
                with self._changed:
                    self._changed.wait_for(lambda: self._closing or self._discarded, retry)
                    if self._discarded:
                        batch = []
                        self._sending = False
                retry = min(retry * 2, LONGEST_RETRY_SECONDS)
            else:
                self._note("telemetry delivered", f"{len(batch)} events")
                retry = FIRST_RETRY_SECONDS
                batch = []
                with self._changed:
                    self._sending = False
                self._tell_drops()
        self._sender.close()

    def _next_batch(self) -> list[bytes]:
        """Wait for the next batch; empty when the subscription is closing."""
        with self._changed:
            while not self._closing:
                due = self._buffer.due_in(time.monotonic())
                if due is None:
                    self._flush = False
                if due is not None and (due == 0.0 or self._flush) and not self._paused:
                    self._discarded = False
                    self._sending = True
                    return self._buffer.take()
                self._changed.wait(None if self._paused else due)
        return []

    def _tell_drops(self) -> None:
        with self._changed:
            records, size = self._buffer.take_drops()
            if not records or "platform" not in self.categories:
                return
            record = {"reason": DROP_REASON, "droppedRecords": records, "droppedBytes": size}
            event = TelemetryEvent(timestamp(), "platform.logsDropped", record)
            data = render(event, self.schema)
            assert data is not None
            self._buffer.add(data, time.monotonic(), always=True)
        self._note("telemetry dropped", f"{records} events, {size} bytes")
