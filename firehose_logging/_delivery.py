"""The delivery thread: takes lines from any thread, sends calls, reports what became of them.

The only owner of a batcher. Callers append and go; everything that blocks happens on the
delivery thread. Decisions are made under the lock by the pure parts (``_batch``, ``_retry``);
sending, telling and notifying happen outside it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import contextmanager

from firehose_logging import _threads
from firehose_logging._batch import Batcher, Record
from firehose_logging._diagnostics import tell
from firehose_logging._ledger import Ledger
from firehose_logging._limits import MAX_CALL_BYTES, TARGET_GZIP_BYTES, TARGET_RECORD_BYTES
from firehose_logging._line import finish
from firehose_logging._retry import AGAIN, BLOCKED, NEVER, SPLIT, Backoff, CallOutcome, verdict
from firehose_logging.errors import BUFFER_FULL, REFUSED, UNENCODABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from firehose_logging._clock import Clock
    from firehose_logging._journal import Journal
    from firehose_logging.settings import Settings

    class Transport(Protocol):
        """The seam to Firehose."""

        def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
            """Send one call and say what became of it; blocks at most ``timeout`` seconds."""

        def close(self) -> None:
            """Let go of connections."""


#: Seconds one call may take before it counts as failed.
CALL_TIMEOUT = 5.0

#: Failed calls in a row after which an outage is told on stderr; a blip is not worth a line.
TELL_AFTER = 3


class FlushResult:
    """What a flush came to.

    Args:
        delivered: lines that Firehose confirmed while the flush waited.
        pending: lines not delivered yet; they stay queued.
        lost: lines lost while the flush waited, by reason.
    """

    __slots__ = ("delivered", "lost", "pending")

    def __init__(self, delivered: int, pending: int, lost: dict[str, int]) -> None:
        self.delivered = delivered
        self.pending = pending
        self.lost = lost

    def __bool__(self) -> bool:
        return not self.pending and not self.lost

    def __repr__(self) -> str:
        return f"FlushResult(delivered={self.delivered}, pending={self.pending}, lost={self.lost})"


class Delivery:
    """Delivers lines to one stream.

    Args:
        settings: stream, buffer and compression.
        make_transport: called on the delivery thread before the first call, and again after a fork.
        clock: the clock seam.
        background: deliver by age and on the first line without anyone asking; for processes that
            are never frozen. In Lambda the extension decides when.
        own_body: builds the body of a line of ours from level, message and more columns.
        journal_folder: where the crash journal is kept; None keeps none.
    """

    def __init__(
        self,
        settings: Settings,
        make_transport: Callable[[], Transport],
        clock: Clock,
        *,
        background: bool,
        own_body: Callable[[str, str, dict[str, object]], str],
        journal_folder: str | None = None,
    ) -> None:
        self.settings = settings
        self._make_transport = make_transport
        self._clock = clock
        #: See above; changes when an extension takes over or goes.
        self.background = background
        self._own_body = own_body
        #: Queued bytes that are sent without waiting for a flush: half a call, or less memory.
        self._trigger_bytes = min(MAX_CALL_BYTES // 2, settings.buffer_bytes // 2)
        self._journal_folder = journal_folder
        #: Called after each change on the delivery thread; must not block or raise.
        self.on_progress: Callable[[], None] = _nothing
        self._reset()

    def _reset(self) -> None:
        """All mutable state, new; also what a forked child starts with.

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
        self._journal: Journal | None = None
        self._journal_tried = self._journal_folder is None
        self._recovered = self._journal_folder is None  # what an earlier process left is ours now
        self._backoff = Backoff(_jitter)
        self._not_before = 0.0
        self._call_bytes: int | None = None
        self._target = -1  # index of the newest line that somebody waits for
        self._failing = False
        self._closing = False
        self._thread: threading.Thread | None = None
        # A binary semaphore: the thread waits to acquire it, whoever has news releases it. Unlike
        # Event.set, releasing a lock can be re-entered by a signal handler.
        self._wake = threading.Lock()
        self._wake.acquire()
        self._armed = False  # background: the thread knows that a line waits to grow old
        self._waiters: list[threading.Lock] = []
        self._transport: Transport | None = None
        self._sending = False
        # The line that tells losses while it is on its way: its index, and what it tells.
        self._telling: tuple[int, dict[str, int]] | None = None

    # -- lines come in ----------------------------------------------------------------------

    def add(self, body: str) -> None:
        """Accept a line (without ``seq`` and its end); returns at once."""
        self._incoming.append(body)
        with self._lock:
            if self._busy:
                return
            self._busy = True
            try:
                self._drain()
                wake = (self.background and not self._armed) or (
                    self._batcher.queued_bytes >= self._trigger_bytes and not self._sending
                )
                if wake:
                    self._armed = True
            finally:
                self._busy = False
        if wake:
            self._rouse()

    def lose(self, reason: str = UNENCODABLE, lines: int = 1) -> None:
        """Count lines that never became lines."""
        with self._section() as free:
            if free:
                self._drain()  # what waits was there before
            self._batcher.skip(lines)
            self._ledger.lose(reason, lines)
            self._keep_losses()

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
        journal = self._journal
        if journal is None and not self._journal_tried:
            self._open_journal()
            journal = self._journal
        if journal is not None:
            try:
                journal.append(self._ledger.accepted, line, self._batcher.oldest_index)
            except Exception as error:  # noqa: BLE001 - the line itself is what matters
                self._no_journal(f"{type(error).__name__}: {error}")
        self._batcher.add(line, now)
        if self._ledger.untold:
            self._keep_losses()

    def _keep_losses(self) -> None:
        """Have the next process tell the losses that we do not live to tell."""
        self._check_telling()
        if self._journal is not None:
            try:
                self._journal.lost(self._ledger.untold)
            except Exception as error:  # noqa: BLE001 - counted here all the same
                self._no_journal(f"{type(error).__name__}: {error}")

    def _tell_losses(self) -> None:
        """Tell the losses so far in the log stream."""
        untold = self._ledger.take_untold()
        self._telling = (self._ledger.accepted + len(self._incoming), untold)
        count = sum(untold.values())
        reasons = ", ".join(f"{lines} {reason}" for reason, lines in untold.items())
        text = f"{count} lines were lost: {reasons}"
        self._incoming.append(self._own_body("ERROR", text, {"lost": untold}))
        if self._journal is not None:
            self._drain()  # into the journal, before the counters there are taken back
            self._keep_losses()

    def _check_telling(self) -> None:
        """When the line that tells losses was itself lost, have them told again."""
        if self._telling is None:
            return
        index, told = self._telling
        oldest = self._batcher.oldest_index()
        if index >= self._ledger.accepted or (oldest is not None and oldest <= index):
            return
        self._telling = None
        untold = self._ledger.untold
        for reason, count in told.items():
            untold[reason] = untold.get(reason, 0) + count

    def _open_journal(self) -> None:
        self._journal_tried = True
        try:
            from firehose_logging._journal import Journal

            self._journal = Journal(
                self._journal_folder or "",
                self.settings.stream_name or "",
                f"{os.getpid()}-{os.urandom(4).hex()}",
            )
        except Exception as error:  # noqa: BLE001 - no journal is worse than nothing at all
            self._no_journal(str(error))

    def _no_journal(self, why: str) -> None:
        self._journal = None
        tell(f"no crash journal ({why}); a killed process loses what is pending", once="journal")

    def recover(self) -> None:
        """Take over what a process of this environment that is gone has left behind."""
        with self._section():
            if not self._journal_tried:
                self._open_journal()
            journal = self._journal
        if journal is None:
            return
        lines = 0
        for line in journal.recover():
            # Not faster than they can be delivered, or they would push each other out. Where
            # that takes for ever, what is not read stays in its file.
            while self._batcher.queued_bytes >= self._trigger_bytes:
                if not self._step(inline=False, until=None):
                    return
            with self._section():
                self._accept(line, self._clock.now())
            lines += 1
        with self._section():
            for reason, count in journal.found.items():
                self._batcher.skip(count)
                self._ledger.lose(reason, count)
            self._keep_losses()
        if lines:
            text = f"{lines} lines of an earlier process recovered from the crash journal"
            self._incoming.append(self._own_body("WARNING", text, {"recovered": lines}))

    # -- flush ------------------------------------------------------------------------------

    def request_flush(self, *, urgent: bool = False) -> int:
        """Ask for everything accepted so far; returns a target for ``settled``.

        Args:
            urgent: try at once even if a back-off says later; for the end of the environment.
        """
        with self._section() as free:
            if free:
                self._drain()
            target = self._target = self._ledger.accepted - 1
            if urgent:
                self._not_before = 0.0
            idle = self._batcher.oldest_index() is None
        if not idle or not self._recovered:
            self._rouse()
        return target

    def settled(self, target: int) -> bool:
        """Whether every line up to ``target`` is delivered or lost."""
        with self._lock:
            oldest = self._batcher.oldest_index()
            return (oldest is None or oldest > target) and (self._recovered or not self._alive())

    @property
    def failing(self) -> bool:
        """Whether the last call failed, so that waiting for the next one is likely in vain."""
        return self._failing

    def oldest(self) -> float | None:
        """When the oldest pending line came, on the clock; None when nothing is pending."""
        with self._section() as free:
            if free:
                self._drain()
            return self._batcher.oldest_pending_time()

    def flush(self, timeout: float | None = None, *, urgent: bool = False) -> FlushResult:
        """Deliver everything accepted so far.

        Args:
            timeout: most seconds to wait; 0 only asks; None waits as long as it takes, but returns
                when the stream is failing.
            urgent: try at once even if a back-off says later.
        """
        with self._lock:
            delivered = self._ledger.delivered
            lost = dict(self._ledger.lost)
        target = self.request_flush(urgent=urgent)
        deadline = None if timeout is None else self._clock.now() + timeout
        waiter = threading.Lock()
        waiter.acquire()
        with self._lock:
            self._waiters.append(waiter)
        try:
            while not self.settled(target):
                left = -1.0 if deadline is None else deadline - self._clock.now()
                if (deadline is not None and left <= 0) or (deadline is None and self._failing):
                    break
                if not self._alive():
                    self._run(inline=True, until=deadline)
                    break
                waiter.acquire(timeout=left)
        finally:
            with self._lock:
                self._waiters.remove(waiter)
        with self._lock:
            return FlushResult(
                self._ledger.delivered - delivered,
                self._batcher.pending_lines + len(self._incoming),
                {
                    reason: count - lost.get(reason, 0)
                    for reason, count in self._ledger.lost.items()
                    if count > lost.get(reason, 0)
                },
            )

    def close(self, timeout: float | None = None) -> FlushResult:
        """Flush, then stop the thread; may be called twice, and lines may still be added."""
        result = self.flush(timeout)
        with self._lock:
            self._closing = True
            thread, transport = self._thread, self._transport
        self._signal()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout if timeout is not None else CALL_TIMEOUT)
        if transport is not None and (thread is None or not thread.is_alive()):
            transport.close()
        self.close_journal()
        return result

    def close_journal(self) -> None:
        """Leave pending lines to the next process, and no file when nothing is pending."""
        with self._section():
            if self._journal is not None:
                self._journal.close(
                    keep=self._batcher.oldest_index() is not None or bool(self._ledger.untold)
                )
                self._journal = None
                self._journal_tried = self._journal_folder is None

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

    # -- the thread -------------------------------------------------------------------------

    def _alive(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _rouse(self) -> None:
        """Wake the thread, starting it first where there is none."""
        if not self._alive():
            with self._lock:
                if not self._alive():
                    self._closing = False
                    if self._sending:
                        self._put_back()
                    try:
                        self._thread = _threads.spawn("delivery", self._work)
                    except RuntimeError:
                        # The interpreter is shutting down; flush() then delivers inline.
                        self._thread = None
        self._signal()

    def _signal(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            return  # it is already awake

    def _work(self) -> None:
        """The thread: send, wait for more, until closed."""
        try:
            self.recover()
        except Exception as error:  # noqa: BLE001 - old lines must not keep new ones waiting
            tell(f"crash journal not read: {type(error).__name__}: {error}", once="recover")
        self._recovered = True
        self._notify()
        while True:
            try:
                self._run(inline=False, until=None)
            except Exception as error:  # noqa: BLE001 - nobody else would deliver
                tell(f"delivery: {type(error).__name__}: {error}", once=f"work:{error}")
                with self._section():
                    self._put_back()
            else:
                return

    def _put_back(self) -> None:
        """What was in flight when a thread died is queued again; it may have been stored."""
        self._sending = False
        self._batcher.recall()
        self._not_before = self._clock.now() + self._backoff.failure()

    def _run(self, *, inline: bool, until: float | None) -> None:
        """Send until there is nothing to do, or wait for more.

        Args:
            inline: on a caller's thread, because no thread can be started: never wait for more.
            until: when a caller's patience ends, on the clock.
        """
        while self._step(inline=inline, until=until):
            pass

    def _step(self, *, inline: bool, until: float | None) -> bool:
        """Send once, or wait once; False when there is nothing to do any more."""
        with self._section():
            step = self._next_step(inline=inline)
        if isinstance(step, list):
            self._send(step)
        elif step is None or (until is not None and self._clock.now() + step >= until):
            return False
        else:
            self._wake.acquire(timeout=step)
        return True

    def _next_step(self, *, inline: bool) -> list[Record] | float | None:
        """Records to send, seconds to wait (-1: until woken), or None to stop."""
        self._drain()
        batcher = self._batcher
        if not batcher.queued_bytes:
            self._armed = False
            return None if self._closing or inline else -1.0
        now = self._clock.now()
        if now < self._not_before:
            return None if self._closing else self._not_before - now
        oldest = batcher.oldest_queued()
        wanted = (
            self._closing
            or inline
            or (oldest is not None and oldest <= self._target)
            or batcher.queued_bytes >= self._trigger_bytes
        )
        if not wanted and self.background:
            opened = batcher.oldest_time()
            due = (opened if opened is not None else now) + self.settings.interval
            if now < due:
                return due - now
            wanted = True
        if not wanted:
            return -1.0
        self._sending = True
        return batcher.take(self._call_bytes)

    def _send(self, records: list[Record]) -> None:
        try:
            if self._transport is None:
                self._transport = self._make_transport()
            outcome = self._transport.send([r.data for r in records], CALL_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - whatever it is, the lines must be kept
            outcome = CallOutcome(error=type(error).__name__, message=str(error))
        with self._section():
            self._sending = False
            news = self._apply(records, outcome)
            if self._journal is not None:
                trouble = self._journal.trouble
                if trouble is not None:
                    news.append((f"no crash journal ({trouble}) for some lines", "journal"))
                self._journal.settled(self._batcher.oldest_index())
            if BUFFER_FULL in self._ledger.lost:
                text = f"FIREHOSE_LOGGING_BUFFER_BYTES={self.settings.buffer_bytes} is reached"
                news.append((f"{text}; the oldest lines are lost and counted", BUFFER_FULL))
            if self._ledger.untold:
                self._keep_losses()
        for text, key in news:
            tell(text, once=key)
        self._notify()

    def _notify(self) -> None:
        """Have everyone who waits look again."""
        with self._lock:
            waiters = list(self._waiters)
        for waiter in waiters:
            try:
                waiter.release()
            except RuntimeError:
                continue  # already told
        self.on_progress()

    def _apply(self, records: list[Record], outcome: CallOutcome) -> list[tuple[str, str]]:
        """Book the outcome; returns what there is to tell, each with its once-only key."""
        codes = outcome.codes
        if codes is not None and len(codes) == len(records):
            return self._apply_codes(records, outcome, codes)
        if codes is not None:
            outcome = CallOutcome(
                error="WrongCount",
                message=f"{len(codes)} results for {len(records)} records",
                maybe_stored=True,
            )
        what = verdict(outcome, len(records))
        if what == SPLIT:  # goes on at once: no outage, whoever waits goes on waiting
            self._call_bytes = sum(len(r.data) for r in records) // 2
            self._batcher.again(records)
            return []
        self._failing = what != NEVER
        if what == NEVER:
            self._batcher.lose(records, REFUSED)
            self._check_telling()
            return [(self._told(outcome, "the lines are lost"), f"never:{outcome.error}")]
        self._batcher.again(records)
        wait = self._backoff.failure(blocked=what == BLOCKED)
        self._not_before = self._clock.now() + wait
        if what == BLOCKED:
            return [(self._told(outcome, _hint(outcome.error)), f"blocked:{outcome.error}")]
        if self._backoff.failures == TELL_AFTER:
            return [(self._told(outcome, "trying on"), f"{AGAIN}:{outcome.error}")]
        return []

    def _apply_codes(
        self, records: list[Record], outcome: CallOutcome, codes: Sequence[str | None]
    ) -> list[tuple[str, str]]:
        stored = [i for i, code in enumerate(codes) if code is None]
        failed = [record for record, code in zip(records, codes, strict=True) if code is not None]
        sizes = outcome.sizes
        self._batcher.delivered(
            [records[i] for i in stored], [sizes[i] for i in stored] if sizes else None
        )
        if self._telling is not None:
            index = self._telling[0]
            if any(r.first <= index < r.first + r.lines for r in map(records.__getitem__, stored)):
                self._telling = None
        self._batcher.again(failed)
        if stored:
            self._backoff.success()
            self._call_bytes = None
        self._failing = bool(failed)
        self._not_before = 0.0
        if failed:
            self._not_before = self._clock.now() + self._backoff.failure()
        news = []
        self._check_telling()
        if stored and self._ledger.untold and self._telling is None:
            self._tell_losses()
        if self._backoff.failures == TELL_AFTER:
            code = next(code for code in codes if code is not None)
            partial = CallOutcome(error=code or "", message="records refused one by one")
            news.append((self._told(partial, "trying on"), f"{AGAIN}:{code}"))
        return news

    def _told(self, outcome: CallOutcome, then: str) -> str:
        return (
            f"cannot deliver to stream {self.settings.stream_name}: "
            f"{outcome.error} {outcome.message}; {then}"
        )

    # -- snapshots --------------------------------------------------------------------------

    def before_snapshot(self, timeout: float) -> None:
        """Deliver and let go of connections: the memory is about to be copied.

        Lines that come from here on get no number before ``after_restore``. What comes while a
        copy wakes would else have the snapshot's name, and the same numbers in each copy.
        """
        with self._section() as free:
            if free:
                self._drain()
            self._held = True
        self.flush(timeout, urgent=True)
        transport = self._transport
        if transport is not None:
            transport.close()

    def after_restore(self, old_id: str, new_id: str) -> None:
        """Be a new instance: numbers from 1, credentials and connections of its own.

        Args:
            old_id: ``instanceId`` of the snapshot.
            new_id: that of the environment that it has become.
        """
        self.close_journal()
        old, new = f',"instanceId":"{old_id}"', f',"instanceId":"{new_id}"'
        with self._section():
            for _ in range(len(self._incoming)):
                self._incoming.append(self._incoming.popleft().replace(old, new, 1))
            self._seq = 0
            self._held = False
            self._drain()
            self._not_before = 0.0
            self._transport = None

    def release(self) -> None:
        """Number what waits, as the process ends without having been restored."""
        self._held = False

    # -- fork -------------------------------------------------------------------------------

    def after_fork(self) -> None:
        """In the child: start empty. What was pending is the parent's to deliver."""
        if self._journal is not None:
            self._journal.close(keep=True)
        self._reset()

    def __repr__(self) -> str:
        return f"<Delivery {self.settings.stream_name} {self._batcher!r} {self._ledger!r}>"


def _nothing() -> None:
    return


def _jitter() -> float:
    """A float in [0, 1); the random module's import costs more than all jitter ever will."""
    return int.from_bytes(os.urandom(4), "little") / 2**32


def _hint(code: str) -> str:
    """What a person can do about a refusal."""
    if code == "ResourceNotFoundException":
        return "check AWS_KINESIS_STREAM_NAME, region and account; lines are kept meanwhile"
    if code in ("NoCredentials", "NoRegion"):
        return "set credentials and AWS_REGION; lines are kept meanwhile"
    if "KMS" in code:
        return "check the stream's encryption key; lines are kept meanwhile"
    return (
        "the role needs firehose:PutRecordBatch on this stream, and valid credentials; "
        "lines are kept meanwhile"
    )
