"""Lines of one stream, from the call that accepts them to their end.

Callers append and go; what sends is the ``Dispatcher``, which is made, and imported, when somebody
asks for the first flush: that is after the first answer.
"""

from __future__ import annotations

from firehose_logging import _threads
from firehose_logging._bundle import have
from firehose_logging._diagnostics import tell
from firehose_logging._limits import MAX_CALL_BYTES
from firehose_logging._line.foreign import is_its_own
from firehose_logging._reasons import UNENCODABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.backlog import Backlog
    from firehose_logging._delivery.dispatcher import Dispatcher
    from firehose_logging._delivery.diversion import Diversion
    from firehose_logging._delivery.outcome import Transport
    from firehose_logging._delivery.result import FlushResult
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
        self._recovers = True
        self._reset()

    def _reset(self) -> None:
        """All mutable state, new; also what a forked child starts with."""
        self._backlog.clear()
        if self._diversion is not None:
            self._diversion.clear()
        self._made: dict[str, Dispatcher] = {}
        self._dispatcher: Dispatcher | None = None  # that one, where it is there
        self._begins = False  # a thread makes it
        self._fails_to_begin = False

    def _begin(self) -> None:
        """Have the dispatcher made by a thread of ours: who logs must not wait for imports."""
        try:
            (self._spawn or _threads.spawn)("delivery", self._rouse)
        except RuntimeError:
            return  # none is to be had now; the next line tries again, and a flush does without
        self._begins = True  # not before: a signal handler may raise

    def _rouse(self) -> None:
        try:
            dispatcher = self.dispatcher
            if self._backlog.pending():  # a flush may have been quicker
                dispatcher.rouse()
        except Exception as error:  # noqa: BLE001 - the next line, or a flush, tries again
            self._begins = False
            self._cannot_begin(error)

    def _cannot_begin(self, error: Exception) -> None:
        self._fails_to_begin = True
        tell(f"delivery cannot begin: {type(error).__name__}: {error}", once="begin")

    @property
    def dispatcher(self) -> Dispatcher:
        """What sends."""
        return self._dispatcher or self._make_dispatcher()

    def _make_dispatcher(self) -> Dispatcher:
        from firehose_logging._delivery.dispatcher import Dispatcher  # not before the first answer

        fresh = Dispatcher(
            self.settings,
            self._backlog,
            self._trigger_bytes,
            self._make_transport,
            self._clock,
            background=self._background,
            own_body=self._own_body,
            on_progress=self._on_progress,
            diversion=self._diversion,
            spawn=self._spawn,
            recovers=self._recovers,
        )
        # Threads that come here at a time get the same one, without a lock: a signal handler may.
        made = self._dispatcher = self._made.setdefault("", fresh)
        return made

    # -- lines come in ----------------------------------------------------------------------

    def add(self, body: str) -> None:
        """Accept a line (without ``seq`` and its end); returns at once."""
        backlog = self._backlog
        backlog.add(body)
        if self._diversion is not None and backlog.batcher.spilled:
            self._diversion.run()
        dispatcher = self._dispatcher
        background = self._background  # not a method: called as one it would take twice as long
        if dispatcher is None:
            if not self._begins and (
                backlog.batcher.queued_bytes >= self._trigger_bytes or background()
            ):
                self._begin()
            return
        if dispatcher.calls.busy:
            return  # the thread looks again when that is done
        if backlog.batcher.queued_bytes >= self._trigger_bytes:
            if not (dispatcher.armed and self._clock.now() < dispatcher.booking.not_before):
                dispatcher.rouse()
        elif not dispatcher.armed and background():
            dispatcher.rouse()

    def lose(self, reason: str = UNENCODABLE, lines: int = 1) -> None:
        """Count lines that never became lines."""
        self._backlog.lose(reason, lines)

    def recover(self) -> None:
        """Take over what a process of this environment that is gone has left behind."""
        self.dispatcher.recovery.run()

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
        return self.dispatcher.request(urgent=urgent, hurried=hurried)

    def settled(self, target: int) -> bool:
        """Whether every line up to ``target`` is delivered or lost."""
        return self.dispatcher.settled(target)

    @property
    def recovered(self) -> bool:
        """Whether what earlier processes left behind has been taken over, or nobody looks."""
        return self._dispatcher is None or self._dispatcher.recovered

    @property
    def has_thread(self) -> bool:
        """Whether there is a thread that delivers; without, ``flush`` does it by itself."""
        return self._dispatcher is not None and self._dispatcher.has_thread

    @property
    def failing(self) -> bool:
        """Whether the last call failed, so that waiting for the next one is likely in vain."""
        if self._dispatcher is None:
            return self._fails_to_begin
        return self._dispatcher.booking.failing

    @property
    def makes_wait(self) -> bool:
        """Whether nobody is to be held for a flush: in vain, or put off to spare the stream."""
        dispatcher = self._dispatcher
        return dispatcher is not None and dispatcher.booking.makes_wait(self._clock.now())

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
        have("_delivery.result")
        from firehose_logging._delivery.result import FlushResult

        ledger = self._backlog.ledger
        before = ledger.delivered, ledger.diverted, dict(ledger.lost)
        try:
            dispatcher = self.dispatcher
        except Exception as error:
            if isinstance(error, RecursionError) or not is_its_own(error):
                raise
            self._cannot_begin(error)  # the function has used up its descriptors, or its memory
            return FlushResult(0, self._backlog.pending(), {}, 0)
        target = dispatcher.ask(urgent=urgent, hurried=timeout != 0)
        # A signal handler must not wait for what the thread that it interrupts holds.
        if not self._backlog.is_held_here():
            dispatcher.wait_for(target, timeout, urgent=urgent)
        delivered, diverted, lost = before
        return FlushResult(
            ledger.delivered - delivered,
            self._backlog.pending_up_to(target),
            {r: n - lost.get(r, 0) for r, n in ledger.lost.items() if n > lost.get(r, 0)},
            ledger.diverted - diverted,
        )

    def close(self, timeout: float | None = None) -> FlushResult:
        """Flush, then stop the thread; may be called twice, and lines may still be added."""
        result = self.flush(timeout)
        if self._dispatcher is not None:
            self._dispatcher.close(timeout)
        self.close_journal()
        return result

    # -- the ends ---------------------------------------------------------------------------

    def counts(self) -> dict[str, object]:
        """The ledger: accepted, delivered, diverted, lost by reason, pending, bytes."""
        return self._backlog.counts()

    def divert(self) -> None:
        """The environment ends: write what is pending to the runtime's own output, if asked for."""
        if self._diversion is not None:
            self._diversion.finish()
            self.dispatcher.recovery.finish(self._diversion.finish)
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
        self.dispatcher.calls.close()

    def after_restore(self, old_id: str, new_id: str) -> None:
        """Be a new instance: numbers from 1, credentials and connections of its own.

        Args:
            old_id: ``instanceId`` of the snapshot.
            new_id: that of the environment that it has become.
        """
        self.close_journal()
        old, new = f',"instanceId":"{old_id}"', f',"instanceId":"{new_id}"'
        self._backlog.exclusively(self._backlog.renumber, old, new)
        self.dispatcher.booking.hurry(back_off=False)
        self.dispatcher.calls.renew()

    def forked(self) -> None:
        """In the parent: a child may leave lines in a journal of its own."""
        if self._dispatcher is not None:  # the first flush looks for what was left in any case
            self._dispatcher.recovery.forked()

    def after_fork(self) -> None:
        """In the child: start empty. What was pending is the parent's to deliver."""
        self._backlog.journal.close(keep=True)
        if self._dispatcher is not None:
            self._dispatcher.calls.abandon()
        self._recovers = False
        self._reset()

    def __repr__(self) -> str:
        return f"<Delivery {self.settings.stream_name} {self._backlog!r}>"
