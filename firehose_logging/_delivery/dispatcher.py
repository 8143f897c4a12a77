"""What sends a delivery's lines: a step at a time, on the delivery thread or on a caller's.

Everything that blocks happens here. Decisions are made under the backlog's lock by the pure parts
(``steps``, ``booking``, ``retry``); sending, telling and notifying happen outside it.
"""

from __future__ import annotations

from firehose_logging import _threads
from firehose_logging._delivery.booking import Booking
from firehose_logging._delivery.caller import (
    CALL_TIMEOUT,
    HUNG_AFTER,
    HUNG_AT_EXIT,
    Calls,
    jitter,
)
from firehose_logging._delivery.recovery import Recovery
from firehose_logging._delivery.steps import Asked, Send, Stop, Wait, next_step
from firehose_logging._delivery.waiters import Waiters
from firehose_logging._delivery.worker import Worker
from firehose_logging._diagnostics import tell
from firehose_logging._interruption import is_users

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


class Dispatcher:
    """Sends what the backlog holds, and has everyone who waits for it look again.

    Args:
        settings: stream and interval.
        backlog: what holds the lines.
        trigger_bytes: queued bytes that are sent without anybody asking.
        make_transport: called before the first call, on the thread that makes it.
        clock: the clock seam.
        background: asked whether lines are delivered by age.
        own_body: builds the body of a line of ours from level, message and more columns.
        on_progress: called after each change on the delivery thread; must not block or raise.
        diversion: the other way out; None where there is none.
        spawn: starts a thread; None as of ``Worker``.
        recovers: whether there may be something to take over from earlier processes.
    """

    def __init__(
        self,
        settings: Settings,
        backlog: Backlog,
        trigger_bytes: int,
        make_transport: Callable[[], Transport],
        clock: Clock,
        *,
        background: Callable[[], bool],
        own_body: Callable[[str, str, dict[str, object]], str],
        on_progress: Callable[[], None],
        diversion: Diversion | None,
        spawn: Callable[[str, Callable[[], None]], Thread] | None,
        recovers: bool = True,
    ) -> None:
        self._backlog = backlog
        self._clock = clock
        self._background = background
        self._on_progress = on_progress
        self._diversion = diversion
        self._spawn = spawn
        # All mutable state. Guarded by the backlog's lock.
        self._recovered_to = -1  # index of the newest line that was taken over
        self._has_looked_last = False  # the process exits and can have no thread any more
        self.recovery = Recovery(backlog, trigger_bytes, self._make_room, own_body)
        if not recovers:
            self.recovery.done()
        name, learns = ",".join(settings.stream_names), settings.flush == "adaptive"
        self.booking = Booking(name, backlog.batcher, backlog.losses, jitter, learns=learns)
        self.calls = Calls(backlog, self.booking, make_transport, clock, own_body)
        #: Delivered by age: the thread knows that a line waits to grow old.
        self.armed = False
        self._asked = Asked(trigger_bytes, settings.interval)
        self._worker = Worker(self._work, spawn)
        self._waiters = Waiters()

    # -- what others want ---------------------------------------------------------------------

    def request(self, *, urgent: bool, hurried: bool) -> int:
        """``ask``, and have nothing wait for a call that hangs; arguments as there."""
        self.relieve(HUNG_AFTER if urgent else CALL_TIMEOUT + HUNG_AFTER)
        return self.ask(urgent=urgent, hurried=hurried)

    def ask(self, *, urgent: bool, hurried: bool) -> int:
        """Have everything sent that was accepted so far; the index of the newest of it.

        Args:
            urgent: do not back off.
            hurried: do not put it off to spare a stream that throttles.
        """
        target, idle = self._backlog.exclusively(self._ask, urgent, hurried)
        if self.recovery.is_asked_for() or not idle:
            self.rouse()
        return target

    def _ask(self, urgent: bool, hurried: bool) -> tuple[int, bool]:
        target = self._backlog.ledger.accepted - 1
        self._asked.wait_for(target)
        if urgent or hurried:
            self.booking.hurry(back_off=not urgent)
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
        return not self.recovery.due or not self._worker.alive

    @property
    def has_thread(self) -> bool:
        """Whether there is a thread that sends; without, ``wait_for`` does."""
        return self._worker.alive

    def wait_for(self, target: int, timeout: float | None, *, urgent: bool) -> None:
        """Wait until every line up to ``target`` is settled.

        Args:
            target: an index.
            timeout: most seconds; None as long as it takes, but not for a stream that is failing.
            urgent: do not wait for a call that hangs.
        """
        deadline = None if timeout is None else self._clock.now() + timeout
        self._recover_last()
        waiter = self._waiters.enter()
        try:
            while not self.settled(target):
                left = HUNG_AT_EXIT if deadline is None else deadline - self._clock.now()
                # Not the other way round: what is no number at all ends the wait, too.
                if not left > 0 or (deadline is None and self.booking.failing):
                    break
                if not self._worker.alive:
                    # No thread can be started: never wait for more.
                    while self._turn(inline=True, until=deadline):
                        pass
                    break
                waiter.acquire(timeout=min(left, HUNG_AT_EXIT))
                if urgent:
                    self.relieve(HUNG_AT_EXIT)
        finally:
            self._waiters.leave(waiter)

    def relieve(self, patience: float) -> None:
        """Have a second thread with a second connection send what a call that hangs keeps back.

        The environment may have been frozen in that call, or ends and has no time for it. If it
        has been stored all the same, or is in the end, that is a duplicate, which ``seq`` tells.

        Args:
            patience: seconds after which a call hangs.
        """
        if self.calls.hang(patience):
            self._backlog.exclusively(self._replace_worker)

    def _replace_worker(self) -> None:
        if not self.calls.busy:
            return
        self.calls.give_up()
        self._worker = Worker(self._work, self._spawn)
        self._worker.start()

    def close(self, timeout: float | None) -> None:
        """Have the thread end when everything is sent, and wait for it.

        Args:
            timeout: most seconds to wait; None as long as one call may take.
        """
        self._asked.close()
        self._worker.wake()
        self._worker.join(timeout if timeout is not None else CALL_TIMEOUT)
        if not self._worker.alive:
            self.calls.close()

    # -- the thread -------------------------------------------------------------------------

    def rouse(self) -> None:
        """Wake the thread, starting it first where there is none."""
        if not self._worker.alive and not self._backlog.is_held_here():
            self._backlog.exclusively(self._start)
        self._worker.wake()

    def _start(self) -> None:
        if self._worker.alive:
            return
        self._asked.reopen()
        if self.calls.busy:
            self.calls.put_back()
        self._worker.start()

    def _work(self, worker: Worker) -> None:
        """The thread: send, wait for more, until closed or relieved."""
        while True:
            try:
                while self._worker is worker and self._recover_first() and self._turn():
                    pass
            except Exception as error:  # noqa: BLE001 - nobody else would deliver
                tell(f"delivery: {type(error).__name__}: {error}", once=f"work:{error}")
                self._backlog.exclusively(self.calls.put_back)
            else:
                return

    def _recover_first(self) -> bool:
        """Take over what processes that are gone have left, if it is time; always true."""
        if self.recovery.due:
            before = self._backlog.ledger.accepted
            try:
                self.recovery.run()
            except Exception as error:  # old lines must not keep new ones waiting
                if not self._worker.is_here and is_users(error):
                    raise
                trouble = f"{type(error).__name__}: {error}"
                tell(f"crash journal not read: {trouble}", code="journal_unread", once="recover")
            if self._backlog.ledger.accepted > before:
                # Whoever waits for a flush waits for these, too.
                self._recovered_to = self._backlog.ledger.accepted - 1
                self._asked.wait_for(self._recovered_to)
            self.recovery.done()
            self._notify()
        return True

    def _recover_last(self) -> None:
        """Take it over on the caller's thread, once, where none can be started for that any more.

        The process exits: nobody else looks for what its children left, or who was before it.
        """
        if self._has_looked_last or self._worker.alive or not _threads.is_ending():
            return
        self._has_looked_last = True  # first: a signal handler may flush meanwhile
        self._recover_first()

    def _make_room(self) -> bool:
        """Have what was recovered sent, on the delivery thread; nobody else waits for it."""
        return self._worker.is_here and self._turn()

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
                self._backlog.exclusively(self.calls.put_back)
                raise
        return step

    def _next_step(self, inline: bool) -> Send | Wait | Stop:
        batcher, now, background = self._backlog.batcher, self._clock.now(), self._background()
        step = next_step(
            batcher, self.booking, self._asked, now, background=background, inline=inline
        )
        if isinstance(step, Send):
            self.calls.begin()
        else:
            self.calls.none()
        # Lines that come from now on find a thread that knows when to wake by itself.
        self.armed = isinstance(step, Wait) and step.seconds is not None
        return step

    def _send(self, records: list[Record], until: float | None = None) -> None:
        self.calls.make(records, until)
        if self._diversion is not None:
            self._diversion.run()
        self._notify()

    def _notify(self) -> None:
        """Have everyone who waits look again."""
        self._waiters.notify()
        self._on_progress()
