"""Our internal extension, as the rest of the process sees it: an inbox, and a thread that reads it.

The thread registers, and rests until there is something to do. What follows the environment's life
(``companion``, and what belongs to it) is imported and made only then: nothing of it is needed
before the first answer. Events, telemetry and signals wait where they came.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell
from firehose_logging._extension.inbox import DECORATED, ENDED, HOOKED
from firehose_logging._extension.lambda_api import CALL_TIMEOUT, LambdaApiError
from firehose_logging._natives import allocate_lock

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

#: The same where it may be that nobody hooks the runtime client: then the event is what tells whose
#: the function's first lines are. Each look takes turns with the function's thread.
LOOK_EVERY_UNHOOKED = 0.01

#: Seconds after an event at which its handler's end is no longer waited for. What is to be done
#: before a deadline is due a third of the time-out before it, of which Lambda's shortest is 1 s.
LONGEST_WAIT = 0.1

#: Most seconds of rest: the platform waits for an answer to its telemetry.
LONGEST_REST = 1.0

#: Most seconds that the function waits for registration: three calls, of which each may take as
#: long to connect, to send and to answer.
LONGEST_START = 9 * CALL_TIMEOUT


class Connection:
    """What Lambda has been asked for, and answers to.

    Args:
        api: registered; None where another process is the extension, or nobody.
        server: listens for telemetry; None where none comes.
        asking: whether the next event has been asked for.
    """

    __slots__ = ("api", "asking", "server")

    def __init__(
        self, api: LambdaApi | None, server: _socket.socket | None = None, *, asking: bool = False
    ) -> None:
        self.api = api
        self.server = server
        self.asking = asking

    def ask(self) -> None:
        """Ask for the next event unless an answer is awaited; what has come is passed over."""
        if self.api is None:
            return
        try:
            if not self.asking or self.api.read_next() is not None:
                self.asking = False
                self.api.ask_next()
                self.asking = True
        except LambdaApiError:
            self.asking = False  # whoever comes next asks

    def close(self) -> None:
        """Let go of what a companion would have closed."""
        if self.api is not None:
            self.api.close()
        if self.server is not None:
            self.server.close()


def _do_nothing() -> None:
    return


class Extension:
    """What other threads have to do with the extension; its thread runs ``run``.

    Args:
        connect: registers, on the thread; None where Lambda refuses.
        make: makes the companion of it, on the thread.
        inbox: takes news of other threads, and signals.
        clock: the clock seam.
        refused: called on the thread where Lambda refuses.
        hooked: whether a hook in the runtime client tells when handlers begin and end.
        will_hook: whether one will be there soon.
        rests: whether the companion is not needed at once.
    """

    def __init__(
        self,
        connect: Callable[[], Connection | None],
        make: Callable[[Inbox, Connection], Companion],
        inbox: Inbox,
        clock: Clock,
        *,
        refused: Callable[[], None] = _do_nothing,
        hooked: bool = False,
        will_hook: bool = False,
        rests: bool = False,
    ) -> None:
        self._connect = connect
        self._refused = refused
        self._make = make
        self._inbox = inbox
        self._clock = clock
        self._rests = rests
        self._look_every = LOOK_EVERY if hooked or will_hook else LOOK_EVERY_UNHOOKED
        # All mutable state.
        self._is_hooked = hooked
        self._stopping = False
        self._connection: Connection | None = None
        self._companion: Companion | None = None
        self._settled = allocate_lock()  # free when it is known whether we are registered
        self._settled.acquire()

    @property
    def wake_fileno(self) -> int:
        """Where a byte wakes the thread; the interpreter writes signal numbers to it."""
        return self._inbox.wake_fileno

    # -- from other threads -------------------------------------------------------------------

    def is_registered(self) -> bool:
        """Whether Lambda has taken us; waits for its answer, and takes none for a yes."""
        if not self._settled.acquire(timeout=LONGEST_START):
            return True  # the thread goes on: once registered, it has to ask for events
        self._settled.release()
        return self._connection is not None

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
        self.close()

    def close(self) -> None:
        """Close every descriptor; where the thread runs, it does."""
        self._stopping = True
        if self._companion is not None:
            self._companion.close()
            return
        if self._connection is not None:
            self._connection.close()
        self._inbox.close()

    # -- the thread -------------------------------------------------------------------------

    def run(self) -> None:
        """Register, rest, have the companion made, and be it until stopped; on our own thread.

        Where Lambda refuses the thread ends, and whoever asks ``is_registered`` closes.
        """
        connection = self._connection
        if connection is None:  # else a copy of a snapshot begins its threads anew
            try:
                connection = self._connection = self._connect()
            except Exception as error:  # noqa: BLE001 - the function goes on without us
                tell(f"extension: {type(error).__name__}: {error}", once="connect")
            if connection is None:
                self._refused()
            self._settled.release()
            if connection is None:
                return
        while self._companion is None and not self._stopping:
            try:
                if not (self._rests and connection.asking) or self._rest(connection):
                    self._inbox.rest_again()  # where none can be made: a handler may end meanwhile
                    self._companion = self._make(self._inbox, connection)
            except Exception as error:  # noqa: BLE001 - no invocation may wait for us
                text = f"the extension cannot begin, it tries on: {type(error).__name__}: {error}"
                tell(text, once="begin")
                self._ask_again(connection)
        if self._companion is not None:
            if self._stopping:
                self._companion.stop()
            self._companion.run()
        self.close()

    def _rest(self, connection: Connection) -> bool:
        """Wait for a handler's end, SIGTERM, or until something may be due; False when stopped."""
        api, began, came = connection.api, self._clock.now(), None
        while not self._stopping:
            if self._inbox.rest(self._look_every):
                break
            now = self._clock.now()
            if came is None and (api is None or api.has_answer()):
                came = now
            if came is not None and (not self._is_hooked or now - came >= LONGEST_WAIT):
                break
            if now - began >= LONGEST_REST:
                break
        return not self._stopping

    def _ask_again(self, connection: Connection) -> None:
        """Answer the platform, so that nobody waits for a companion that cannot be made.

        It is tried again after a handler's end, which may have freed what there was too little of,
        and at SIGTERM, since nobody else delivers then.
        """
        deadline = self._clock.now() + LONGEST_REST
        while not self._stopping and self._clock.now() < deadline:
            connection.ask()
            if self._inbox.rest(LOOK_EVERY):
                break

    def __repr__(self) -> str:
        return f"<Extension {self._companion!r}>"
