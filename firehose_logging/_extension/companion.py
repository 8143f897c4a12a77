"""The companion thread, our internal extension: invocations, telemetry, the flush at SIGTERM.

One loop over a handful of descriptors. It decides nothing: ``_lifecycle`` says what to do, and
whatever fails in here, the next event is asked for.
"""

from __future__ import annotations

import os
import select

from firehose_logging import _threads
from firehose_logging._diagnostics import tell
from firehose_logging._extension.lambda_api import LambdaApi, LambdaApiError
from firehose_logging._extension.lifecycle import DELIVER, DELIVER_SOON, FLUSH, NEXT, Lifecycle
from firehose_logging._extension.subscription import subscribe
from firehose_logging._limits import SHUTDOWN_LIMIT, TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES
from firehose_logging._shutdown import SIGTERM
from firehose_logging._switch_interval import SwitchInterval
from firehose_logging.errors import BAD_TELEMETRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import Any

    from firehose_logging._clock import SystemClock
    from firehose_logging._delivery.deliveries import Deliveries, Targets
    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._extension.listener import Listener
    from firehose_logging._extension.telemetry import TelemetryReader
    from firehose_logging._line.context import Context
    from firehose_logging.settings import Settings

#: Our name with the platform. It must not be the name of a file in a layer's extensions folder,
#: or Lambda takes it for an external extension.
NAME = "firehose-logging-internal"

#: Seconds between attempts to ask for the next event when Lambda's API does not answer, and
#: how many attempts: after that the environment is gone anyway.
RETRY_NEXT = 0.05
MAX_RETRIES = 100

#: Seconds between looks for what a crashed worker of a Managed Instances environment left behind.
RECOVER_EVERY = 60.0

#: Failed turns in a row after which the listener is closed.
GIVE_UP_LISTENER = 5

#: Seconds without news after which the last telemetry is taken for complete, at shutdown; where
#: the platform lets events wait for each other for longer, that comes on top.
QUIET = 0.03


class Extension:
    """Registers with Lambda and follows the environment's life on its own thread.

    Args:
        settings: port, types and API of the telemetry.
        streams: what is flushed.
        lifecycle: what is done when; None on Managed Instances, where no INVOKE events exist.
        reader: turns telemetry into lines.
        sink: takes those lines.
        terminate: called when SIGTERM's flush is done and nobody else handles SIGTERM.
    """

    def __init__(
        self,
        settings: Settings,
        streams: Deliveries,
        lifecycle: Lifecycle | None,
        reader: TelemetryReader,
        sink: Delivery,
        clock: SystemClock,
        terminate: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._streams = streams
        self._lifecycle = lifecycle
        self._reader = reader
        self._sink = sink
        self._clock = clock
        self._terminate = terminate
        self._api = LambdaApi(settings.environment.runtime_api or "")
        #: Set when a hook in the runtime client tells us that handlers are done.
        self.hooked = False
        #: Told which invocation runs, where no hook does it.
        self.context: Context | None = None
        #: Makes lines of output that waits for its line end.
        self.complete_output: Callable[[], None] = _nothing
        # All mutable state; but for _ended, only the companion thread touches it once it runs.
        self._listener: Listener | None = None
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread: threading.Thread | None = None
        self._ended: list[str | None] = []  # appended by the function's thread, in order
        self._targets: Targets = []
        self._retries = 0
        self._retry_at: float | None = None
        self._asking = False
        self._switches = SwitchInterval()
        self._signalled_at: float | None = None
        self._last_news = 0.0
        self._quiet = QUIET
        if lifecycle is None:  # workers too: the platform's last events come while they live
            self._quiet += TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES / 1000
        self._recovered_at = 0.0
        self._registered = False
        self._stopping = False

    @property
    def wake_fileno(self) -> int:
        """Where a byte wakes the companion; the interpreter writes signal numbers to it."""
        return self._wake_write

    # -- start ------------------------------------------------------------------------------

    def start(self) -> bool:
        """Register, listen, subscribe and start the thread; False when Lambda refuses.

        Each step that fails costs what depends on it and nothing else, and is told once.
        """
        managed = self._lifecycle is None
        try:
            self._api.register(NAME, [] if managed else ["INVOKE"])
        except LambdaApiError as error:
            self._not_registered(error)
            self.close()
            return False
        if self._settings.telemetry:
            self._listener = subscribe(self._api, self._settings, managed=managed)
        try:
            self._api.ask_next()
            self._asking = self._registered = True
            self._thread = _threads.spawn("extension", self._run)
        except (LambdaApiError, RuntimeError) as error:
            tell(f"the extension cannot run: {error}", once="extension")
            self.close()
            return False
        return True

    def watch(self) -> bool:
        """Only wait for SIGTERM: another process of the environment is the extension."""
        try:
            self._thread = _threads.spawn("extension", self._run)
        except RuntimeError:
            self.close()
            return False
        return True

    def _not_registered(self, error: LambdaApiError) -> None:
        if self._settings.environment.workers is not None and error.status == 403:
            return  # Managed Instances: the first worker is the extension of all
        if error.kind == "Extension.RegistrationClosed":
            why = (
                "too late: make the handler (or call install()) while the module is imported, "
                "not in the function"
            )
        else:
            why = str(error)
        tell(
            f"not registered as an extension ({why}); lines are still delivered, but only "
            "during later invocations and when the process ends",
            once="register",
        )

    def _sees_runtime_done(self) -> bool:
        return self._listener is not None and "platform" in self._settings.telemetry

    # -- news from other threads --------------------------------------------------------------

    def handler_ended(self, request_id: str | None) -> None:
        """The function's thread: the response is posted."""
        self._ended.append(request_id)
        self.wake()

    def wake(self) -> None:
        """Have the companion look around; callable from any thread and from signal handlers."""
        try:
            os.write(self._wake_write, b"\0")
        except OSError:
            return  # full, so it is awake; or closed, so it is gone

    # -- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                self._turn()
                failures = 0
            except Exception as error:  # noqa: BLE001 - the loop must outlive every defect
                tell(f"extension: {type(error).__name__}: {error}", once=f"turn:{error}")
                self._do([NEXT])
                failures += 1
                if failures == GIVE_UP_LISTENER and self._listener is not None:
                    # Telemetry is the one part that others feed, and not worth a busy loop.
                    self._listener.close()
                    self._listener = None
        self.close()

    def _turn(self) -> None:
        ready = self._poll(self._timeout())
        self._clock.catch_up()  # the environment may have been frozen meanwhile
        now = self._clock.now()
        if self._wake_read in ready:
            self._read_wake(now)
        listener = self._listener
        if listener is not None:
            filenos = set(listener.filenos())
            for fileno in ready:
                if fileno in filenos:
                    for body in listener.ready(fileno, now):
                        self._telemetry(body, now)
            listener.expire(now)
        if self._asking and self._api.fileno() in ready:
            self._read_next(now)
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            self._ask_next()
        if self._lifecycle is not None:
            self._follow(self._lifecycle, now)
        if self._signalled_at is not None:
            self._shut_down(now)
        elif self._switches.is_short and (
            self._streams.settled(self._targets) or self._streams.failing
        ):
            self._switches.restore()

    def _poll(self, timeout: float | None) -> list[int]:
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        if self._asking and self._api.fileno() >= 0:
            poll.register(self._api.fileno(), select.POLLIN)
        if self._listener is not None:
            for fileno in self._listener.filenos():
                poll.register(fileno, select.POLLIN)
        # Rounded up: waking a moment early would only mean waking again.
        ready = poll.poll(None if timeout is None else max(0, int(timeout * 1000) + 1))
        return [fileno for fileno, _ in ready]

    def _timeout(self) -> float | None:
        now = self._clock.now()
        times = []
        if self._lifecycle is not None:
            at = self._lifecycle.wakes_at()
            if at is not None:
                times.append(at - now)
        if self._retry_at is not None:
            times.append(self._retry_at - now)
        if self._signalled_at is not None:
            times.append(self._quiet)
        if self._listener is not None and self._listener.busy():
            times.append(1.0)
        return max(0.0, min(times)) if times else None

    def _read_wake(self, now: float) -> None:
        try:
            data = os.read(self._wake_read, 4096)
        except BlockingIOError:
            return
        # A byte that is a signal's number was written by the interpreter's own C handler.
        if self._signalled_at is None and SIGTERM in data:
            self._signalled_at = self._last_news = now
            self._switches.shorten()
            self._recover_workers(now)
            self._take(*self._reader.rest(self._clock.epoch()))
            self.complete_output()
            self._targets = self._streams.request_flush(urgent=True)

    def _recover_workers(self, now: float) -> None:
        """Deliver what workers had pending when they crashed; nobody starts them again."""
        # Whether or not a next event is being asked for: the platform may end that call first.
        if self._lifecycle is None and self._registered:
            self._recovered_at = now
            try:
                self._sink.recover()
            except OSError as error:
                tell(f"crash journal not read: {error}", once="recover")

    def _telemetry(self, body: bytes, now: float) -> None:
        self._last_news = now
        if now - self._recovered_at >= RECOVER_EVERY:
            self._recover_workers(now)
        self._take(*self._reader.read(body, self._clock.epoch()))

    def _take(self, bodies: list[str], done: list[str], bad: int) -> None:
        for line in bodies:
            self._sink.add(line)
        if bad:
            tell(f"{bad} telemetry events could not be read", once="telemetry")
            self._sink.lose(BAD_TELEMETRY, bad)
        if done and not self.hooked:  # a hook tells it sooner
            self.complete_output()
            self._ended.extend(done)

    def _read_next(self, now: float) -> None:
        try:
            event = self._api.read_next()
        except LambdaApiError as error:
            self._asking = False
            if error.status in (400, 403):
                tell(f"the extension was refused the next event: {error}", once="next")
                return
            self._retry_next(now)
            return
        if event is None:
            return
        self._asking = False
        self._retries = 0
        if event.get("eventType") == "INVOKE" and self._lifecycle is not None:
            left = float(event.get("deadlineMs", 0)) / 1000 - self._clock.epoch()
            self._lifecycle.sees_end = self.hooked or (
                self._sees_runtime_done() and not self._lifecycle.missed_end
            )
            # Not while old lines are read: the invocation's time may be all there is for that.
            self._lifecycle.asks_early = self.hooked and self._streams.recovered
            if not self.hooked and self._lifecycle.sees_end:
                self._begin(event)
            self._do(
                self._lifecycle.invoked(
                    str(event.get("requestId")),
                    now + left,
                    self._streams.oldest(),
                    now,
                    failing=self._in_vain(self._lifecycle),
                )
            )
        else:
            self._ask_next()

    def _begin(self, event: dict[str, Any]) -> None:
        """Name the invocation by its event: the handler may have logged a line or two already.

        Those have no invocation; none has that of another, since it is forgotten at its end.
        """
        if self.context is not None:
            tracing = event.get("tracing")
            header = tracing.get("value") if isinstance(tracing, dict) else None
            self.context.begin(
                str(event.get("requestId")),
                trace_header=header if isinstance(header, str) else None,
            )

    def _follow(self, lifecycle: Lifecycle, now: float) -> None:
        while self._ended:
            self._do(
                lifecycle.ended(
                    self._ended.pop(0),
                    self._streams.oldest(),
                    failing=self._in_vain(lifecycle),
                    now=now,
                )
            )
        if lifecycle.holding and (self._streams.settled(self._targets) or self._streams.failing):
            self._do(lifecycle.flushed())
        at = lifecycle.wakes_at()
        if at is not None and now >= at:
            self._do(lifecycle.tick(self._streams.oldest(), now))

    def _in_vain(self, lifecycle: Lifecycle) -> bool:
        """Whether a hold would bring nothing: each call fails, or one hangs that was waited for."""
        if lifecycle.overdue and self._streams.settled(self._targets):
            lifecycle.overdue = False
        return lifecycle.overdue or self._streams.failing

    def _do(self, actions: list[str]) -> None:
        for action in actions:
            if action == NEXT:
                if not self.hooked and self.context is not None:
                    self.context.end()
                self._ask_next()
            elif action in (DELIVER, DELIVER_SOON, FLUSH):
                if action == DELIVER_SOON:
                    self._switches.shorten()
                self._targets = self._streams.request_flush()

    def _ask_next(self) -> None:
        if self._asking:
            return
        try:
            self._api.ask_next()
            self._asking = True
        except LambdaApiError:
            self._retry_next(self._clock.now())

    def _retry_next(self, now: float) -> None:
        self._retries += 1
        if self._retries <= MAX_RETRIES:
            self._retry_at = now + RETRY_NEXT

    # -- the end ----------------------------------------------------------------------------

    def _shut_down(self, now: float) -> None:
        """After SIGTERM: flush what is there, and what still comes, until SIGKILL."""
        assert self._signalled_at is not None
        if self._streams.oldest() is not None:
            self._targets = self._streams.request_flush(urgent=not self._streams.failing)
        over = now - self._signalled_at >= SHUTDOWN_LIMIT
        quiet = now - self._last_news >= self._quiet
        if over or (quiet and self._streams.settled(self._targets)):
            self._switches.restore()  # a function that handles SIGTERM itself may live on
            self._terminate()

    def stop(self) -> None:
        """End the thread; the environment goes on without us."""
        self._stopping = True
        self.wake()

    def after_fork(self) -> None:
        """In a forked child: let go of the parent's descriptors, the thread is not here."""
        self._stopping = True
        self.close()

    def close(self) -> None:
        """Close every descriptor."""
        self._api.close()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for fileno in (self._wake_read, self._wake_write):
            if fileno >= 0:
                os.close(fileno)
        self._wake_read = self._wake_write = -1

    def status(self) -> dict[str, Any]:
        """What the companion is doing, for tests and support."""
        return {"asking": self._asking, "lifecycle": repr(self._lifecycle)}


def _nothing() -> None:
    return
