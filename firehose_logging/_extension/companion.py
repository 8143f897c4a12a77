"""The companion thread, our internal extension: one loop over a handful of descriptors.

It decides nothing. What an environment of this kind does about events and ends is its mode's
(``on_demand``, ``managed_instances``, ``signals_only``); whatever fails in here, the next event
is asked for.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell
from firehose_logging._extension.inbox import DECORATED, ENDED, HOOKED
from firehose_logging._natives import allocate_lock
from firehose_logging._polls import POLLIN, make_poll
from firehose_logging._reasons import BAD_TELEMETRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from firehose_logging._clock import SystemClock
    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._extension.inbox import Inbox
    from firehose_logging._extension.last_flush import LastFlush
    from firehose_logging._extension.listener import Listener
    from firehose_logging._extension.next_event import NextEvent, NoEvents
    from firehose_logging._extension.telemetry import TelemetryReader

    class Mode(Protocol):
        """What one kind of environment does about news and time, on the companion's thread."""

        @property
        def ends_by_telemetry(self) -> bool:
            """Whether the ends that telemetry tells are news."""

        def gives_way(self, now: float) -> bool:
            """Whether an event may wait a moment for the function's thread."""

        def hooked(self) -> None:
            """A hook in the runtime client tells when handlers begin and end from now on."""

        def decorated(self) -> None:
            """The function's own decorator does."""

        def event(self, event: dict[str, Any], now: float) -> None:
            """The question for the next event was answered."""

        def ended(self, request_id: str | None, now: float) -> None:
            """A handler is done; None means the one that runs."""

        def telemetry(self, now: float) -> None:
            """Telemetry came."""

        def told(self, request_ids: list[str]) -> bool:
            """Telemetry has told these ends; whether that of the last invocation is told."""

        def signalled(self, now: float) -> bool:
            """SIGTERM came; whether telemetry has still to tell the end of an invocation."""

        def failed(self, now: float) -> None:
            """A turn of the loop failed."""

        def tick(self, now: float) -> None:
            """Time has passed."""

        def wakes_at(self) -> float | None:
            """When to call ``tick`` at the latest; None for never."""


#: Failed turns in a row after which the listener is closed.
GIVE_UP_LISTENER = 5

#: Seconds that the function's thread goes first when an event comes: it wakes both, and the
#: interpreter runs one at a time. Long enough to begin the handler, or to answer in a short one.
GIVE_WAY = 0.0003


class Companion:
    """Follows the environment's life on a thread of its own.

    Args:
        mode: what is done about events, ends and time.
        inbox: brings news of other threads, and signals.
        next_event: the question for the next event, already put.
        listener: takes telemetry; None where none comes. Closed by us.
        make_reader: makes what turns telemetry into lines, when the first comes: not every
            environment sends any, and none before it has to be started.
        sink: takes those lines, and counts what cannot be read.
        last_flush: what is done at SIGTERM.
        complete_output: makes lines of output that waits for its line end.
        look_at_output: reads output of descriptors; returns the seconds until the next look, None
            where they are not captured.
        clock: the clock seam.
        take: takes a line in the sink's place, as who redacts does.
    """

    def __init__(
        self,
        mode: Mode,
        inbox: Inbox,
        next_event: NextEvent | NoEvents,
        listener: Listener | None,
        make_reader: Callable[[], TelemetryReader],
        sink: Delivery,
        last_flush: LastFlush,
        complete_output: Callable[[], None],
        look_at_output: Callable[[], float | None],
        clock: SystemClock,
        take: Callable[[str], None] | None = None,
    ) -> None:
        self._mode = mode
        self._inbox = inbox
        self._next_event = next_event
        self._make_reader = make_reader
        self._sink = sink
        self._take_line = take or sink.add
        self._last_flush = last_flush
        self._complete_output = complete_output
        self._look_at_output = look_at_output
        self._clock = clock
        # All mutable state; only the companion's thread touches it once it runs.
        self._listener = listener
        self._reader: TelemetryReader | None = None
        self._failures = 0  # turns in a row
        self._next_look: float | None = None  # at output
        self._stopping = False
        self._pause = allocate_lock()  # nobody gives it back
        self._pause.acquire()

    # -- from other threads -------------------------------------------------------------------

    def stop(self) -> None:
        """End the thread; the environment goes on without us."""
        self._stopping = True
        self._inbox.wake()

    def close(self) -> None:
        """Close every descriptor; may be called twice."""
        self._next_event.close()
        self._close_listener()
        self._inbox.close()

    # -- the thread -------------------------------------------------------------------------

    def run(self) -> None:
        """Turn until stopped, then close; on the companion's own thread."""
        while not self._stopping:
            try:
                self.turn()
                self._failures = 0
            except Exception as error:  # noqa: BLE001 - the loop must outlive every defect
                self._recover(error)
        self.close()

    def _recover(self, error: Exception) -> None:
        tell(f"extension: {type(error).__name__}: {error}", once=f"turn:{error}")
        self._failures += 1
        if self._failures == GIVE_UP_LISTENER and self._listener is not None:
            # Telemetry is the one part that others feed, and not worth a busy loop.
            self._close_listener()
        try:
            self._mode.failed(self._clock.now())
        except Exception as worse:  # noqa: BLE001 - as above
            tell(f"extension: {type(worse).__name__}: {worse}", once=f"turn:{worse}")

    def turn(self) -> None:
        """Wait for news or time, and act on it; once round the loop."""
        ready = self._poll(self._timeout())
        self._clock.catch_up()  # the environment may have been frozen meanwhile
        now = self._clock.now()
        if self._inbox.fileno() in ready and self._inbox.read_signals():
            self._signalled(now)
        self._read_news(now)
        if self._listener is not None:
            self._read_listener(self._listener, ready, now)
        if self._next_event.fileno() in ready:
            event = self._next_event.read(now)
            if event is not None:
                self._mode.event(event, now)
        self._next_event.tick(now)
        if self._next_look is None or now >= self._next_look:
            wait = self._look_at_output()
            self._next_look = None if wait is None else now + wait
        self._mode.tick(now)
        self._last_flush.tick(now)

    def _poll(self, timeout: float | None) -> list[int]:
        asked = self._next_event.fileno()
        # Made anew: in a copy of the process one that was waiting would be taken for waiting still.
        poller = make_poll()
        poller.register(self._inbox.fileno(), POLLIN)
        if asked >= 0:
            poller.register(asked, POLLIN)
        if self._listener is not None:
            for fileno in self._listener.filenos():
                poller.register(fileno, POLLIN)
        # Rounded up: waking a moment early would only mean waking again.
        left = None if timeout is None else max(0, int(timeout * 1000) + 1)
        found = poller.poll(left)
        if any(fileno == asked for fileno, _ in found):
            self._clock.catch_up()  # the environment may have been frozen meanwhile
            if not self._last_flush.began and self._mode.gives_way(self._clock.now()):
                self._pause.acquire(timeout=GIVE_WAY)
                found = poller.poll(0)
        return [fileno for fileno, _ in found]

    def _timeout(self) -> float | None:
        now = self._clock.now()
        wakes = (
            self._mode.wakes_at(),
            self._next_event.wakes_at(),
            self._last_flush.wakes_at(now),
            self._listener.wakes_at(now) if self._listener is not None else None,
            self._next_look,
        )
        times = [at for at in wakes if at is not None]
        return max(0.0, min(times) - now) if times else None

    def _read_news(self, now: float) -> None:
        for kind, value in self._inbox.take():
            if kind == ENDED:
                self._mode.ended(value, now)
            elif kind == HOOKED:
                self._mode.hooked()
            elif kind == DECORATED:
                self._mode.decorated()

    def _signalled(self, now: float) -> None:
        if self._last_flush.began:
            return
        awaits_verdict = self._mode.signalled(now) and self._listener is not None
        self._last_flush.prepare()
        if self._reader is not None:
            self._take(*self._reader.rest(self._clock.epoch()), now)
        self._complete_output()
        self._last_flush.begin(now, awaits_verdict=awaits_verdict)

    # -- telemetry --------------------------------------------------------------------------

    def _read_listener(self, listener: Listener, ready: list[int], now: float) -> None:
        filenos = set(listener.filenos())
        for fileno in ready:
            if fileno in filenos:
                for body in listener.ready(fileno, now):
                    self._last_flush.news(now)
                    self._mode.telemetry(now)
                    if self._reader is None:
                        self._reader = self._make_reader()
                    self._take(*self._reader.read(body, self._clock.epoch()), now)
        listener.expire(now)

    def _take(self, bodies: list[str], done: list[str], bad: int, now: float) -> None:
        for line in bodies:
            try:
                self._take_line(line)
            except BaseException as error:  # noqa: BLE001 - a hook may exit; here is nothing to leave
                tell(
                    f"a line of telemetry was withheld: redact raised {type(error).__name__}",
                    code="redaction_withheld",
                    once="redact",
                )
                self._sink.lose()
        if bad:
            tell(
                f"{bad} telemetry events could not be read",
                code="telemetry_unread",
                once="telemetry",
            )
            self._sink.lose(BAD_TELEMETRY, bad)
        if done and self._mode.told(done):
            self._last_flush.verdict()
        if done and self._mode.ends_by_telemetry:
            self._complete_output()
            for request_id in done:
                self._mode.ended(request_id, now)

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def __repr__(self) -> str:
        return f"<Companion {self._mode!r} {self._next_event!r}>"
