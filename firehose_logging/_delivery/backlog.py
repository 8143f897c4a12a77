"""Lines in: from any thread, numbered, into the journal and the batcher, under one lock."""

from __future__ import annotations

from collections import deque

from firehose_logging._bundle import have
from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.journal import CrashJournal
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._limits import MAX_RECORD_BYTES, TARGET_GZIP_BYTES, TARGET_RECORD_BYTES
from firehose_logging._line.line import finish
from firehose_logging._natives import RLock
from firehose_logging._reasons import BUFFER_FULL, DIVERTED, UNENCODABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.booking import News
    from firehose_logging._delivery.losses import Losses
    from firehose_logging.settings import Settings

    T = TypeVar("T")


#: Most bytes of lines that have made room for others and wait to be written to the runtime's own
#: output, where several threads log faster than it takes them.
MAX_SPILL_BYTES = 1_048_576


class Backlog:
    """The undelivered lines of one stream, and the count of all.

    A thread may come back while it holds the lock: a signal handler or a ``__del__`` that logs can
    interrupt it anywhere. Then it changes nothing, its line waits in ``incoming``. And a signal
    handler may raise: the lock is let go of, and what was begun is finished by whoever comes next.

    Args:
        settings: stream, buffer and compression.
        clock: the clock seam.
        journal_folder: where the crash journal is kept; None keeps none.
    """

    def __init__(
        self, settings: Settings, clock: Clock, *, journal_folder: str | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._journal_folder = journal_folder
        self.clear()

    def clear(self) -> None:
        """All mutable state, new: also what a forked child starts with."""
        self._lock = RLock()
        #: Whether the calling thread has the lock, so that it must not wait for any other.
        self.is_held_here: Callable[[], bool] = self._lock._is_owned  # noqa: SLF001 - as threading.Condition does
        #: Lines without a number yet; needs no lock. None stands for one that has been numbered.
        self.incoming: deque[str | None] = deque()
        self.ledger = Ledger()
        gzip = self._settings.compression == "gzip"
        self.batcher = Batcher(
            self.ledger,
            self._settings.buffer_bytes,
            record_bytes=TARGET_GZIP_BYTES if gzip else TARGET_RECORD_BYTES,
            spill_bytes=self._spill_bytes(),
        )
        self._oldest = self.batcher.oldest_index
        self._between = self.batcher.settled_between
        self._losses: dict[str, Losses] = {}
        self.journal = CrashJournal(
            self._journal_folder, self._settings.stream_name or "", self._settings.buffer_bytes
        )
        self._seq = 0
        #: How many lines were accepted before the one that is being numbered; None between lines.
        self._numbering: int | None = None
        self._held = False  # a snapshot was taken: lines wait to know whose they are

    def _spill_bytes(self) -> int:
        if not self._settings.passes_undelivered:
            return 0
        return min(MAX_SPILL_BYTES, self._settings.buffer_bytes // 4)

    # -- the lock ---------------------------------------------------------------------------

    def exclusively(self, action: Callable[..., T], *args: Any) -> T:
        """Do something that no other thread interrupts, after numbering what has come.

        Args:
            action: must not block; on a thread that has the lock already it finds things as they
                are, and what has come waits.
            args: its arguments.
        """
        if self.is_held_here():
            return action(*args)
        # No ``with``: on Python 3.14 a signal handler may raise between taking the lock and the
        # block that lets go of it. Nor any other call before the release.
        lock = self._lock
        try:
            lock.acquire()
            self._drain()
            return action(*args)
        finally:
            try:
                lock.release()
            except RuntimeError as error:
                # Interrupted while it waited, there is nothing to let go of; or just now.
                if error.__traceback__ and error.__traceback__.tb_next:
                    raise

    # -- lines come in ----------------------------------------------------------------------

    def add(self, body: str) -> None:
        """Accept a line (without ``seq`` and its end); returns at once."""
        self.incoming.append(body)
        is_held_here = self.is_held_here  # not a method: called as one it would take twice as long
        if is_held_here():
            return
        lock = self._lock
        try:  # as ``exclusively``, without its two calls: each log call comes by here
            lock.acquire()
            self._drain()
        finally:
            try:
                lock.release()
            except RuntimeError as error:
                if error.__traceback__ and error.__traceback__.tb_next:
                    raise

    def _drain(self) -> None:
        if self._numbering is not None:
            self._finish_numbering()
        if self._held:
            return
        incoming, ledger, journal, batcher = self.incoming, self.ledger, self.journal, self.batcher
        clock = self._clock.now  # as in ``add``
        now = clock()
        while incoming:
            body = incoming[0]
            if body is not None:
                try:  # as ``finish``, without the call
                    line = f'{body},"seq":{self._seq + 1}}}\n'.encode()
                except UnicodeEncodeError:
                    line = finish(body, self._seq + 1)
                index = self._numbering = ledger.accepted
                if len(line) <= MAX_RECORD_BYTES:  # as ``_accept``, without the call
                    journal.append(index, line, now, self._oldest, self._between)
                    batcher.add(line, now)
                    if ledger.lost or ledger.diverted:
                        self.keep_losses()
                else:
                    batcher.skip(1, UNENCODABLE)  # nobody made it; it must not stay in front
                # As in _finish_numbering, without the call.
                if ledger.accepted != index:
                    incoming[0] = None
                    self._seq += 1
                self._numbering = None
            incoming.popleft()

    def _finish_numbering(self) -> None:
        """The first incoming line is in the batcher, or an exception came before it was.

        No call in here, see the batcher: this happens whole or not at all.
        """
        if self.ledger.accepted != self._numbering:
            self.incoming[0] = None
            self._seq += 1
        self._numbering = None

    def _accept(self, index: int, line: bytes, now: float) -> None:
        self.journal.append(index, line, now, self._oldest, self._between)
        self.batcher.add(line, now)
        ledger = self.ledger
        if ledger.lost or ledger.diverted:  # as has_gaps, without the call
            self.keep_losses()

    def take_over(self, line: bytes) -> None:
        """Accept a line that an earlier process has numbered; under the lock."""
        self._accept(self.ledger.accepted, line, self._clock.now())

    def pending(self) -> int:
        """Lines that are not delivered yet."""
        return self.exclusively(lambda: self.batcher.pending_lines)

    def pending_up_to(self, index: int) -> int:
        """Lines with an index of at most ``index`` that are not settled yet.

        Lines that cannot have one now, as a snapshot is taken, or on a thread that was interrupted
        while it numbered them, count too.
        """
        without = len(self.incoming) if self._held or self.is_held_here() else 0
        return without + self.exclusively(self.batcher.pending_up_to, index)

    def forget_settled(self) -> None:
        """Have the journal forget what is settled; under the lock."""
        batcher = self.batcher
        self.journal.forget(batcher.oldest_index(), batcher.settled_between())

    # -- losses -----------------------------------------------------------------------------

    @property
    def losses(self) -> Losses:
        """Follows the line that tells losses; made when there are some, or something is sent."""
        found = self._losses.get("")
        if found is None:
            have("_delivery.losses")
            from firehose_logging._delivery.losses import Losses

            # Threads that come here at a time get the same one.
            found = self._losses.setdefault("", Losses(self.batcher))
        return found

    def lose(self, reason: str = UNENCODABLE, lines: int = 1) -> None:
        """Count lines that never became lines."""
        self.exclusively(self._lose, reason, lines)

    def _lose(self, reason: str, lines: int) -> None:
        self.batcher.skip(lines, reason)
        self.keep_losses()

    def lose_all(self, losses: Iterable[tuple[str, int]]) -> None:
        """Count lines that an earlier process lost; under the lock."""
        for reason, lines in losses:
            if reason == DIVERTED:
                self.ledger.take_over_diverted(lines)
            else:
                self.batcher.skip(lines, reason)
        self.keep_losses()

    def keep_losses(self) -> None:
        """Have the next process tell the losses that we do not live to tell; under the lock."""
        self.losses.check()
        # Where the line that tells them is not in the journal, they are told by the next process.
        keeps = self.journal.keeps
        self.journal.keep_losses(self.ledger.untold if keeps else self.losses.not_stored())

    def tell_losses(self, own_body: Callable[[str, str, dict[str, object]], str]) -> None:
        """Tell the losses so far in the log stream; under the lock.

        Args:
            own_body: builds the body of a line of ours from level, message and more columns.
        """
        index = self.ledger.accepted + len(self.incoming)
        text, untold = self.losses.tell(index)
        lost = {reason: lines for reason, lines in untold.items() if reason != DIVERTED}
        columns: dict[str, object] = {"code": "lines_lost" if lost else "lines_diverted"}
        if lost:
            columns["lost"] = lost
        if DIVERTED in untold:
            columns["diverted"] = untold[DIVERTED]
        self.incoming.append(own_body("ERROR" if lost else "WARNING", text, columns))
        if self.journal.wanted:
            self._drain()  # into the journal, before the counters there are taken back
            self.keep_losses()

    def news(self, own_body: Callable[[str, str, dict[str, object]], str]) -> list[News]:
        """What is to be told of buffer and journal; under the lock.

        Args:
            own_body: as of ``tell_losses``.
        """
        if self.journal.take_deleted():
            text = "the crash journal was deleted by the function; it has been made anew"
            self.incoming.append(own_body("WARNING", text, {"code": "journal_anew"}))
        if not self.ledger.lost.get(BUFFER_FULL):
            return []
        text = f"FIREHOSE_LOGGING_BUFFER_BYTES={self._settings.buffer_bytes} is reached"
        return [("buffer_full", f"{text}; the oldest lines are lost and counted", BUFFER_FULL)]

    # -- the other way out ----------------------------------------------------------------------

    def spilled(self) -> bytearray | None:
        """The first lines that are on their way to the runtime's own output."""
        spilled = self.exclusively(lambda: self.batcher.spilled)
        return spilled[0][0].data if spilled else None

    def diverted(self, *, written: bool) -> None:
        """Those lines have been written there, or nothing can be.

        Args:
            written: whether they have.
        """
        self.exclusively(self._diverted, written)

    def _diverted(self, written: bool) -> None:
        if written:
            self.batcher.diverted()
        else:
            self.batcher.not_diverted()
        self.forget_settled()
        self.keep_losses()

    # -- the ends ---------------------------------------------------------------------------

    def hold(self) -> None:
        """Number no line from here on: a snapshot is taken, and its copies wake as others."""
        self._held = True

    def release(self) -> None:
        """Number what waits, as when the process ends without having been restored."""
        self._held = False

    def last(self) -> None:
        """Wait for no thread any more: the interpreter ends, and may stop one that has the lock."""
        have("_delivery.last_lock")
        from firehose_logging._delivery.last_lock import LastLock

        lock = LastLock(self._lock)
        self._lock, self.is_held_here = lock, lock.is_held_here

    def renumber(self, old: str, new: str) -> None:
        """Be a new instance, with numbers from 1; under the lock.

        Args:
            old: what lines that wait have in them.
            new: what takes its place.
        """
        for _ in range(len(self.incoming)):
            body = self.incoming.popleft()
            if body is not None:
                self.incoming.append(body.replace(old, new, 1))
        self._seq = 0
        self._held = False
        self._drain()

    def close_journal(self) -> None:
        """Leave pending lines to the next process, and no file when nothing is pending."""
        self.exclusively(self._close_journal)

    def is_kept(self) -> bool:
        """Whether whoever comes after this process can deliver all that is pending."""
        return self.exclusively(self._is_kept)

    def _is_kept(self) -> bool:
        return self.batcher.oldest_index() is None or self.journal.keeps

    def _close_journal(self) -> None:
        pending = self.batcher.oldest_index() is not None
        self.journal.close(keep=pending or bool(self.ledger.untold))

    def counts(self) -> dict[str, object]:
        """The ledger: accepted, delivered, diverted, lost by reason, pending, bytes."""
        return self.exclusively(self._counts)

    def _counts(self) -> dict[str, object]:
        ledger, batcher = self.ledger, self.batcher
        return {
            "accepted": ledger.accepted,
            "delivered": ledger.delivered,
            "diverted": ledger.diverted,
            "lost": dict(ledger.lost),
            "pending": batcher.pending_lines,
            "pending_bytes": batcher.pending_bytes,
            "delivered_bytes": ledger.delivered_bytes,
            "billed_bytes": ledger.billed_bytes,
            "balances": ledger.balances(batcher.pending_lines),
        }

    def __repr__(self) -> str:
        return f"<Backlog {self.batcher!r} {self.ledger!r}>"
