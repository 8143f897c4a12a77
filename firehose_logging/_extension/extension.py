"""Our internal extension, as the rest of the process sees it: an inbox, and a thread that reads it.

The thread rests until there is something to do. What follows the environment's life (``companion``,
and what belongs to it) is imported and made only then: nothing of it is needed before the first
answer. Events, telemetry and signals wait where they came.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell
from firehose_logging._extension.inbox import DECORATED, ENDED, HOOKED
from firehose_logging._extension.lambda_api import LambdaApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from firehose_logging._clock import Clock
    from firehose_logging._extension.companion import Companion
    from firehose_logging._extension.inbox import Inbox
    from firehose_logging._extension.lambda_api import LambdaApi

#: Seconds between looks for events and signals while the thread rests.
LOOK_EVERY = 0.05

#: The same while nobody has hooked the runtime client: then the event is what tells whose the
#: function's first lines are.
LOOK_EVERY_UNHOOKED = 0.01

#: Seconds after an event at which its handler's end is no longer waited for. What is to be done
#: before a deadline is due a third of the time-out before it, of which Lambda's shortest is 1 s.
LONGEST_WAIT = 0.1

#: Most seconds of rest: the platform waits for an answer to its telemetry.
LONGEST_REST = 1.0


class Extension:
    """What other threads have to do with the extension; its thread runs ``run``.

    Args:
        make: makes the companion, on the thread.
        inbox: takes news of other threads, and signals.
        clock: the clock seam.
        api: has been asked for the next event; None where none comes.
        server: listens for telemetry; None where none comes.
        hooked: whether a hook in the runtime client tells when handlers begin and end.
        rests: whether the companion is not needed at once.
    """

    def __init__(
        self,
        make: Callable[[], Companion],
        inbox: Inbox,
        clock: Clock,
        *,
        api: LambdaApi | None = None,
        server: _socket.socket | None = None,
        hooked: bool = False,
        rests: bool = False,
    ) -> None:
        self._make = make
        self._inbox = inbox
        self._clock = clock
        self._api = api
        self._server = server
        self._rests = rests
        # All mutable state.
        self._is_hooked = hooked
        self._stopping = False
        self._companion: Companion | None = None

    @property
    def wake_fileno(self) -> int:
        """Where a byte wakes the thread; the interpreter writes signal numbers to it."""
        return self._inbox.wake_fileno

    # -- from other threads -------------------------------------------------------------------

    def hooked(self) -> None:
        """A hook in the runtime client tells when handlers begin and end from now on."""
        self._is_hooked = True
        self._inbox.post(HOOKED)

    def decorated(self) -> None:
        """The function's own decorator tells the boundaries of invocations from now on."""
        self._inbox.post(DECORATED)

    def handler_ended(self, request_id: str | None) -> None:
        """The response is posted; None means of the invocation that runs."""
        self._inbox.post(ENDED, request_id)

    def wake(self) -> None:
        """Have the thread look around; callable from any thread and from signal handlers."""
        self._inbox.wake()

    def stop(self) -> None:
        """End the thread; the environment goes on without us."""
        self._stopping = True
        if self._companion is not None:
            self._companion.stop()
        self._inbox.ring()

    def after_fork(self) -> None:
        """In a forked child: let go of the parent's descriptors, the thread is not here."""
        self._stopping = True
        if self._companion is not None:
            self._companion.stop()
        self._close()

    def _close(self) -> None:
        if self._companion is not None:
            self._companion.close()
            return
        if self._api is not None:
            self._api.close()
        if self._server is not None:
            self._server.close()
        self._inbox.close()

    # -- the thread -------------------------------------------------------------------------

    def run(self) -> None:
        """Rest, have the companion made, and be it until stopped; on the extension's own thread."""
        while self._companion is None and not self._stopping:
            try:
                if not self._rests or self._rest():
                    self._companion = self._make()
            except Exception as error:  # noqa: BLE001 - no invocation may wait for us
                text = f"the extension cannot begin, it tries on: {type(error).__name__}: {error}"
                tell(text, code="extension_late", once="begin")
                self._ask_again()
        if self._companion is not None:
            if self._stopping:
                self._companion.stop()
            self._companion.run()
        self._close()

    def _rest(self) -> bool:
        """Wait for a handler's end, SIGTERM, or until something may be due; False when stopped."""
        began, came = self._clock.now(), None
        while not self._stopping:
            if self._inbox.rest(LOOK_EVERY if self._is_hooked else LOOK_EVERY_UNHOOKED):
                break
            now = self._clock.now()
            if came is None and (self._api is None or self._api.has_answer()):
                came = now
            if came is not None and (not self._is_hooked or now - came >= LONGEST_WAIT):
                break
            if now - began >= LONGEST_REST:
                break
        return not self._stopping

    def _ask_again(self) -> None:
        """Answer the platform, so that nobody waits for a companion that cannot be made."""
        if self._api is None:
            self._inbox.rest(LONGEST_REST)
            return
        deadline = self._clock.now() + LONGEST_REST
        while not self._stopping and self._clock.now() < deadline:
            self._inbox.rest(LOOK_EVERY)
            try:
                if self._api.fileno() < 0 or self._api.read_next() is not None:
                    self._api.ask_next()
            except LambdaApiError:
                pass  # it will be asked again

    def __repr__(self) -> str:
        return f"<Extension {self._companion!r}>"
