"""Lines in: from any thread, numbered, into the journal and the batcher, under one lock."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager

from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.journal import CrashJournal
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._limits import TARGET_GZIP_BYTES, TARGET_RECORD_BYTES
from firehose_logging._line.line import finish
from firehose_logging.errors import UNENCODABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from firehose_logging._clock import Clock
    from firehose_logging.settings import Settings


class Intake:
    """Takes the lines of one stream.

    Args:
        settings: stream, buffer and compression.
        clock: the clock seam.
        journal_folder: where the crash journal is kept; None keeps none.
    """

    def __init__(
        self, settings: Settings, clock: Clock, *, journal_folder: str | None = None
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._journal_folder = journal_folder
        self._reset()

    def _reset(self) -> None:
        """All mutable state, new.

        ``_incoming`` needs no lock. The rest is guarded by ``_lock``, which a thread may enter
        twice: a signal handler or a ``__del__`` that logs can interrupt us anywhere. ``_busy``
        tells it so, and then it changes nothing, its line waits in ``_incoming``.
        """
        self._lock = threading.RLock()
        self._busy = False
        self._incoming: deque[str] = deque()
        self._ledger = Ledger()
        gzip = self.settings.compression == "gzip"
        self._batcher = Batcher(
            self._ledger,
            self.settings.buffer_bytes,
            record_bytes=TARGET_GZIP_BYTES if gzip else TARGET_RECORD_BYTES,
        )
        self._seq = 0
        self._held = False  # a snapshot was taken: lines wait to know whose they are
        self._journal = CrashJournal(self._journal_folder, self.settings.stream_name or "")

    @contextmanager
    def _section(self) -> Iterator[bool]:
        """The lock; yields False when this thread was interrupted while it held it."""
        with self._lock:
            if self._busy:
                yield False
                return
            self._busy = True
            try:
                yield True
            finally:
                self._busy = False

    def _drain(self) -> None:
        if self._held:
            return
        incoming = self._incoming
        now = self._clock.now()
        while incoming:
            seq = self._seq = self._seq + 1
            self._accept(finish(incoming.popleft(), seq), now)

    def _accept(self, line: bytes, now: float) -> None:
        batcher = self._batcher
        self._journal.append(
            self._ledger.accepted, line, batcher.oldest_index, batcher.settled_between
        )
        batcher.add(line, now)
        if self._ledger.untold:
            self._keep_losses()

    def _keep_losses(self) -> None:
        """Have the next process tell the losses that we do not live to tell."""
        self._journal.lost(self._ledger.untold)

    def lose(self, reason: str = UNENCODABLE, lines: int = 1) -> None:
        """Count lines that never became lines."""
        with self._section() as free:
            if free:
                self._drain()  # what waits was there before
            self._batcher.skip(lines)
            self._ledger.lose(reason, lines)
            self._keep_losses()

    def close_journal(self) -> None:
        """Leave pending lines to the next process, and no file when nothing is pending."""
        with self._section():
            pending = self._batcher.oldest_index() is not None
            self._journal.close(keep=pending or bool(self._ledger.untold))

    def counts(self) -> dict[str, object]:
        """The ledger: accepted, delivered, lost by reason, pending, bytes."""
        with self._section() as free:
            if free:
                self._drain()
            ledger = self._ledger
            return {
                "accepted": ledger.accepted,
                "delivered": ledger.delivered,
                "lost": dict(ledger.lost),
                "pending": self._batcher.pending_lines,
                "pending_bytes": self._batcher.pending_bytes,
                "delivered_bytes": ledger.delivered_bytes,
                "billed_bytes": ledger.billed_bytes,
                "balances": ledger.balances(self._batcher.pending_lines),
            }
