"""The delivery thread: sends what was taken in, reports what became of it.

Callers append and go; everything that blocks happens on this thread. Decisions are made under
the backlog's lock by the pure parts (``steps``, ``booking``, ``retry``); sending, telling and
notifying happen outside it.
"""

from __future__ import annotations

from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.caller import CALL_TIMEOUT, HUNG_AFTER, HUNG_AT_EXIT, Calls, jitter
from firehose_logging._delivery.recovery import Recovery
from firehose_logging._delivery.result import FlushResult
from firehose_logging._delivery.steps import Asked, Send, Stop, Wait, next_step
from firehose_logging._delivery.waiters import Waiters
from firehose_logging._delivery.worker import Worker
from firehose_logging._diagnostics import tell
from firehose_logging._limits import MAX_CALL_BYTES
from firehose_logging.errors import UNENCODABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.backlog import Backlog
    from firehose_logging._delivery.batch import Record
    from firehose_logging._delivery.diversion import Diversion
    from firehose_logging._delivery.outcome import Transport
    from firehose_logging._delivery.worker import Thread
    from firehose_logging.settings import Settings


class Delivery:
    """Delivers lines to one stream.

    Args:
        settings: stream, buffer and compression.
        backlog: what holds the lines.
        make_transport: called on the delivery thread before the first call, and again after a fork.
        clock: the clock seam.
        background: asked whether lines are delivered by age and on the first line without anyone
            asking, as in processes that are never frozen. In Lambda the extension decides when.
        own_body: builds the body of a line of ours from level, message and more columns.
        on_progress: called after each change on the delivery thread; must not block or raise.
        divert: writes whole lines to the runtime's own output, for those that Firehose does not
            take; None where they have no other way out.
        spawn: starts a thread; as of ``_threads.spawn``.
    """

    def __init__(
        self,
        settings: Settings,
        backlog: Backlog,
        make_transport: Callable[[], Transport],
        clock: Clock,
        *,
        background: Callable[[], bool],
        own_body: Callable[[str, str, dict[str, object]], str],
        on_progress: Callable[[], None] | None = None,
        divert: Callable[[bytes | bytearray], None] | None = None,
        spawn: Callable[[str, Callable[[], None]], Thread] | None = None,
    ) -> None:
        self.settings = settings
        self.backlog = self._backlog = backlog
        self._make_transport = make_transport
        self._clock = clock
        self._background = background
        self._own_body = own_body
        self._on_progress = on_progress or (lambda: None)
        self._spawn = spawn
        self._diversion: Diversion | None = None
        if divert is not None:
            from firehose_logging._delivery.diversion import Diversion  # few have another way out

            self._diversion = Diversion(backlog, divert)
        # Queued bytes that are sent without waiting for a flush: half a call, or less memory.
        self._trigger_bytes = min(MAX_CALL_BYTES // 2, settings.buffer_bytes // 2)
        self._reset()

    def _reset(self) -> None:
        """All mutable state, new; also what a forked child starts with. Guarded by the lock."""
        backlog = self._backlog
        backlog.clear()
        if self._diversion is not None:
            self._diversion.clear()
        self._recovered_to = -1  # index of the newest line that was taken over
        self._recovery = Recovery(backlog, self._trigger_bytes, self._make_room, self._own_body)
        name, learns = ",".join(self.settings.stream_names), self.settings.flush == "adaptive"
        self._booking = Booking(name, backlog.batcher, backlog.losses, jitter, learns=learns)
        self._asked = Asked(self._trigger_bytes, self.settings.interval)
        self._worker = Worker(self._work, self._spawn)
        self._waiters = Waiters()
        self._armed = False  # background: the thread knows that a line waits to grow old
        self._calls = Calls(
            backlog, self._booking, self._make_transport, self._clock, self._own_body
        )

    # -- lines come in ----------------------------------------------------------------------

    def add(self, body: str) -> None:
        """Accept a line (without ``seq`` and its end); returns at once."""
        backlog = self._backlog
        backlog.add(body)
        if backlog.batcher.spilled and self._diversion is not None:
            self._diversion.run()
        if self._calls.busy:
            return  # the thread looks again when that is done
        if backlog.batcher.queued_bytes >= self._trigger_bytes:
            if not (self._armed and self._clock.now() < self._booking.not_before):
                self._rouse()
        elif not self._armed and self._background():
            self._rouse()

    def lose(self, reason: str = UNENCODABLE, lines: int = 1) -> None:
        """Count lines that never became lines."""
        self._backlog.lose(reason, lines)

    def recover(self) -> None:
        """Take over what a process of this environment that is gone has left behind."""
        self._recovery.run()

    # -- flush ------------------------------------------------------------------------------

    @property
    def background(self) -> bool:
        """Whether lines are delivered by age, without anyone asking."""
        return self._background()

    def request_flush(self, *, urgent: bool = False, hurried: bool = False) -> int:
        """Ask for everything accepted so far; returns a target for ``settled``.

        Args:
            urgent: the environment ends: neither back off nor wait for a call that hangs.
            hurried: do not put it off to spare a stream that throttles; a deadline is near.
        """
        self._relieve(HUNG_AFTER if urgent else CALL_TIMEOUT + HUNG_AFTER)
        return self._request(urgent=urgent, hurried=hurried)

    def _request(self, *, urgent: bool, hurried: bool) -> int:
        target, idle = self._backlog.exclusively(self._ask, urgent, hurried)
        if self._recovery.is_asked_for() or not idle:
            self._rouse()
        return target

    def _ask(self, urgent: bool, hurried: bool) -> tuple[int, bool]:
        target = self._backlog.ledger.accepted - 1
        self._asked.wait_for(target)
        if urgent or hurried:
            self._booking.hurry(back_off=not urgent)
        return target, self._backlog.batcher.oldest_index() is None

    def settled(self, target: int) -> bool:
        """Whether every line up to ``target`` is delivered or lost."""
        if not self.recovered:
            return False
        newest = max(target, self._recovered_to)
        oldest = self._backlog.exclusively(self._backlog.batcher.oldest_index)
        return oldest is None or oldest > newest

    @property
    def recovered(self) -> bool:
        """Whether what earlier processes left behind has been taken over, or nobody looks."""
        return not self._recovery.due or not self._worker.alive

    @property
    def has_thread(self) -> bool:
        """Whether there is a thread that delivers; without, ``flush`` does it by itself."""
        return self._worker.alive

    @property
    def failing(self) -> bool:
        """Whether the last call failed, so that waiting for the next one is likely in vain."""
        return self._booking.failing

    @property
    def makes_wait(self) -> bool:
        """Whether nobody is to be held for a flush: in vain, or put off to spare the stream."""
        return self._booking.makes_wait(self._clock.now())

    def oldest(self) -> float | None:
        """When the oldest pending line came, on the clock; None when nothing is pending."""
        return self._backlog.exclusively(self._backlog.batcher.oldest_pending_time)

    def flush(self, timeout: float | None = None, *, urgent: bool = False) -> FlushResult:
        """Deliver everything accepted so far.

        Args:
            timeout: most seconds to wait; 0 only asks; None waits as long as it takes, but returns
                when the stream is failing.
            urgent: try at once even if a back-off says later.
        """
        ledger = self._backlog.ledger
        before = ledger.delivered, ledger.diverted, dict(ledger.lost)
        target = self._request(urgent=urgent, hurried=timeout != 0)
        # A signal handler must not wait for what the thread that it interrupts holds.
        if not self._backlog.is_held_here():
            self._wait_for(target, timeout, urgent=urgent)
        delivered, diverted, lost = before
        return FlushResult(
            ledger.delivered - delivered,
            self._backlog.pending_up_to(target),
            {r: n - lost.get(r, 0) for r, n in ledger.lost.items() if n > lost.get(r, 0)},
            ledger.diverted - diverted,
        )

    def _wait_for(self, target: int, timeout: float | None, *, urgent: bool) -> None:
        deadline = None if timeout is None else self._clock.now() + timeout
        waiter = self._waiters.enter()
        try:
            while not self.settled(target):
                left = HUNG_AT_EXIT if deadline is None else deadline - self._clock.now()
                # Not the other way round: what is no number at all ends the wait, too.
                if not left > 0 or (deadline is None and self.failing):
                    break
                if not self._worker.alive:
                    # No thread can be started: never wait for more.
                    while self._turn(inline=True, until=deadline):
                        pass
                    break
                waiter.acquire(timeout=min(left, HUNG_AT_EXIT))
                if urgent:
                    self._relieve(HUNG_AT_EXIT)
        finally:
            self._waiters.leave(waiter)

    def close(self, timeout: float | None = None) -> FlushResult:
        """Flush, then stop the thread; may be called twice, and lines may still be added."""
        result = self.flush(timeout)
        self._asked.close()
        self._worker.wake()
        self._worker.join(timeout if timeout is not None else CALL_TIMEOUT)
        if not self._worker.alive:
            self._calls.close()
        self.close_journal()
        return result

    # -- the thread -------------------------------------------------------------------------

    def _rouse(self) -> None:
        """Wake the thread, starting it first where there is none."""
        if not self._worker.alive and not self._backlog.is_held_here():
            self._backlog.exclusively(self._start)
        self._worker.wake()

    def _start(self) -> None:
        if self._worker.alive:
            return
        self._asked.reopen()
        if self._calls.busy:
            self._calls.put_back()
        self._worker.start()

    def _work(self, worker: Worker) -> None:
        """The thread: send, wait for more, until closed or relieved."""
        while True:
            try:
                while self._worker is worker and self._recover_first() and self._turn():
                    pass
            except Exception as error:  # noqa: BLE001 - nobody else would deliver
                tell(f"delivery: {type(error).__name__}: {error}", once=f"work:{error}")
                self._backlog.exclusively(self._calls.put_back)
            else:
                return

    def _recover_first(self) -> bool:
        """Take over what processes that are gone have left, if it is time; always true."""
        if self._recovery.due:
            before = self._backlog.ledger.accepted
            try:
                self._recovery.run()
            except Exception as error:  # noqa: BLE001 - old lines must not keep new ones waiting
                trouble = f"{type(error).__name__}: {error}"
                tell(f"crash journal not read: {trouble}", code="journal_unread", once="recover")
            if self._backlog.ledger.accepted > before:
                # Whoever waits for a flush waits for these, too.
                self._recovered_to = self._backlog.ledger.accepted - 1
                self._asked.wait_for(self._recovered_to)
            self._recovery.done()
            self._notify()
        return True

    def _make_room(self) -> bool:
        """Have what was recovered sent, on the delivery thread; nobody else waits for it."""
        return self._worker.is_here and self._turn()

    def _relieve(self, patience: float) -> None:
        """Have a second thread with a second connection send what a call that hangs keeps back.

        The environment may have been frozen in that call, or ends and has no time for it. If it
        has been stored all the same, or is in the end, that is a duplicate, which ``seq`` tells.
        """
        if self._calls.hang(patience):
            self._backlog.exclusively(self._replace_worker)

    def _replace_worker(self) -> None:
        if not self._calls.busy:
            return
        self._calls.give_up()
        self._worker = Worker(self._work, self._spawn)
        self._worker.start()

    def _turn(self, *, inline: bool = False, until: float | None = None) -> bool:
        """Send once, or wait once; False when there is nothing to do any more."""
        step = self.step(inline=inline, until=until)
        if isinstance(step, Stop):
            return False
        if isinstance(step, Wait):
            seconds = step.seconds
            if until is not None and (seconds is None or self._clock.now() + seconds >= until):
                return False
            self._worker.wait(seconds)
        return True

    def step(self, *, inline: bool = False, until: float | None = None) -> Send | Wait | Stop:
        """Decide what is to be done, and do it if it is sending; returns what it was.

        Args:
            inline: as of ``next_step``.
            until: when a caller's patience ends, on the clock; a call takes no longer.
        """
        step = self._backlog.exclusively(self._next_step, inline)
        if isinstance(step, Send):
            try:
                self._send(step.records, until)
            except BaseException:
                # A signal handler raised, on a caller's thread: nobody will book this call.
                self._backlog.exclusively(self._calls.put_back)
                raise
        return step

    def _next_step(self, inline: bool) -> Send | Wait | Stop:
        batcher, now, background = self._backlog.batcher, self._clock.now(), self._background()
        step = next_step(
            batcher, self._booking, self._asked, now, background=background, inline=inline
        )
        if isinstance(step, Send):
            self._calls.begin()
        else:
            self._calls.none()
        # Lines that come from now on find a thread that knows when to wake by itself.
        self._armed = isinstance(step, Wait) and step.seconds is not None
        return step

    def _send(self, records: list[Record], until: float | None = None) -> None:
        self._calls.make(records, until)
        if self._diversion is not None:
            self._diversion.run()
        self._notify()

    def _notify(self) -> None:
        """Have everyone who waits look again."""
        self._waiters.notify()
        self._on_progress()

    # -- the ends ---------------------------------------------------------------------------

    def counts(self) -> dict[str, object]:
        """The ledger: accepted, delivered, diverted, lost by reason, pending, bytes."""
        return self._backlog.counts()

    def divert(self) -> None:
        """The environment ends: write what is pending to the runtime's own output, if asked for."""
        if self._diversion is not None:
            self._diversion.finish()
            self._recovery.finish(self._diversion.finish)
            self._diversion.finish()

    def close_journal(self) -> None:
        """Leave pending lines to the next process, and no file when nothing is pending."""
        self._backlog.close_journal()

    def before_snapshot(self, timeout: float) -> None:
        """Deliver and let go of connections: the memory is about to be copied.

        Lines that come from here on get no number before ``after_restore``. What comes while a
        copy wakes would else have the snapshot's name, and the same numbers in each copy.
        """
        self._backlog.exclusively(self._backlog.hold)
        self.flush(timeout, urgent=True)
        self._calls.close()

    def after_restore(self, old_id: str, new_id: str) -> None:
        """Be a new instance: numbers from 1, credentials and connections of its own.

        Args:
            old_id: ``instanceId`` of the snapshot.
            new_id: that of the environment that it has become.
        """
        self.close_journal()
        old, new = f',"instanceId":"{old_id}"', f',"instanceId":"{new_id}"'
        self._backlog.exclusively(self._backlog.renumber, old, new)
        self._booking.hurry(back_off=False)
        self._calls.renew()

    def forked(self) -> None:
        """In the parent: a child may leave lines in a journal of its own."""
        self._recovery.forked()

    def after_fork(self) -> None:
        """In the child: start empty. What was pending is the parent's to deliver."""
        self._backlog.journal.close(keep=True)
        self._calls.abandon()
        self._reset()
        self._recovery.done()

    def __repr__(self) -> str:
        return f"<Delivery {self.settings.stream_name} {self._backlog!r}>"
