"""The delivery thread: sends what was taken in, reports what became of it.

Callers append and go; everything that blocks happens on this thread. Decisions are made under
the lock by the pure parts (``_batch``, ``_booking``, ``_retry``); sending, telling and notifying
happen outside it.
"""

from __future__ import annotations

import os
import threading

from firehose_logging import _threads
from firehose_logging._delivery.backlog import Intake
from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.result import FlushResult
from firehose_logging._delivery.retry import CallOutcome
from firehose_logging._diagnostics import tell
from firehose_logging._limits import MAX_CALL_BYTES
from firehose_logging.errors import BUFFER_FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.batch import Record
    from firehose_logging.settings import Settings

    class Transport(Protocol):
        """The seam to Firehose."""

        def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
            """Send one call and say what became of it; blocks at most ``timeout`` seconds."""

        def close(self) -> None:
            """Let go of connections."""


#: Seconds one call may take before it counts as failed.
CALL_TIMEOUT = 5.0


class Delivery(Intake):
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
        self._make_transport = make_transport
        #: See above; changes when an extension takes over or goes.
        self.background = background
        self._own_body = own_body
        #: Queued bytes that are sent without waiting for a flush: half a call, or less memory.
        self._trigger_bytes = min(MAX_CALL_BYTES // 2, settings.buffer_bytes // 2)
        #: Called after each change on the delivery thread; must not block or raise.
        self.on_progress: Callable[[], None] = _nothing
        super().__init__(settings, clock, journal_folder=journal_folder)

    def _reset(self) -> None:
        """All mutable state, new; also what a forked child starts with. Guarded by the lock."""
        super()._reset()
        self._recovered = not self._journal.wanted  # what an earlier process left is ours now
        self._booking = Booking(self.settings.stream_name, self._batcher, _jitter)
        self._target = -1  # index of the newest line that somebody waits for
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

    def _keep_losses(self) -> None:
        self._booking.losses.check()
        super()._keep_losses()

    def _tell_losses(self) -> None:
        """Tell the losses so far in the log stream."""
        index = self._ledger.accepted + len(self._incoming)
        text, untold = self._booking.losses.tell(index)
        self._incoming.append(self._own_body("ERROR", text, {"lost": untold}))
        if self._journal.wanted:
            self._drain()  # into the journal, before the counters there are taken back
            self._keep_losses()

    def recover(self) -> None:
        """Take over what a process of this environment that is gone has left behind."""
        lines = 0
        for line in self._journal.recover():
            # Not faster than they can be delivered, or they would push each other out. Where
            # that takes for ever, what is not read stays in its file.
            while self._batcher.queued_bytes >= self._trigger_bytes:
                if not self._step(inline=False, until=None):
                    return
            with self._section():
                self._accept(line, self._clock.now())
            lines += 1
        with self._section():
            for reason, count in self._journal.found.items():
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
                self._booking.not_before = 0.0
            idle = self._batcher.oldest_index() is None
        if not idle or not self._recovered:
            self._rouse()
        return target

    def settled(self, target: int) -> bool:
        """Whether every line up to ``target`` is delivered or lost."""
        with self._lock:
            oldest = self._batcher.oldest_index()
            return (oldest is None or oldest > target) and self.recovered

    @property
    def recovered(self) -> bool:
        """Whether what earlier processes left behind has been taken over, or nobody looks."""
        return self._recovered or not self._alive()

    @property
    def failing(self) -> bool:
        """Whether the last call failed, so that waiting for the next one is likely in vain."""
        return self._booking.failing

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
                if (deadline is not None and left <= 0) or (deadline is None and self.failing):
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
        self._booking.abandoned(self._clock.now())

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
        not_before = self._booking.not_before
        if now < not_before:
            return None if self._closing else not_before - now
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
        return batcher.take(self._booking.call_bytes)

    def _send(self, records: list[Record]) -> None:
        ident = threading.get_ident()
        _threads.calling.add(ident)
        try:
            if self._transport is None:
                self._transport = self._make_transport()
            outcome = self._transport.send([r.data for r in records], CALL_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - whatever it is, the lines must be kept
            outcome = CallOutcome(error=type(error).__name__, message=str(error))
        finally:
            _threads.calling.discard(ident)
        with self._section():
            self._sending = False
            news = self._booking.book(records, outcome, self._clock.now())
            if self._booking.stored and self._booking.losses.to_tell:
                self._tell_losses()
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
            self._booking.not_before = 0.0
            self._transport = None

    def release(self) -> None:
        """Number what waits, as the process ends without having been restored."""
        self._held = False

    # -- fork -------------------------------------------------------------------------------

    def after_fork(self) -> None:
        """In the child: start empty. What was pending is the parent's to deliver."""
        self._journal.close(keep=True)
        self._reset()

    def __repr__(self) -> str:
        return f"<Delivery {self.settings.stream_name} {self._batcher!r} {self._ledger!r}>"


def _nothing() -> None:
    return


def _jitter() -> float:
    """A float in [0, 1); the random module's import costs more than all jitter ever will."""
    return int.from_bytes(os.urandom(4), "little") / 2**32
