"""The one thread that drives an environment: commands one by one, freeze in between."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from ._state import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from .lifecycle import Lifecycle
    from .processes import ShutdownResult


class Command:
    """Something for the supervisor to do, and its outcome."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self._do = do
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """True when there is an outcome."""
        return self._done.is_set()

    def run(self) -> None:
        """Do it and keep the outcome."""
        try:
            self._value = self._do()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def publish(self) -> None:
        """Let those go on who wait for the outcome."""
        self._done.set()

    def refuse(self, error: BaseException) -> None:
        """Give it `error` as its outcome."""
        self._error = error
        self._done.set()

    def result(self) -> Any:
        """Wait for the outcome: return the value or raise the error."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value


class Supervisor:
    """Carry out commands on `life` in order.

    While there is none: freeze after `freeze_delay` seconds of idleness (None: never), and reset
    when a process has died on its own. `stay_thawed` holds the freeze back.
    """

    def __init__(
        self, life: Lifecycle, changed: threading.Condition, *, freeze_delay: float | None
    ) -> None:
        self._life = life
        self._changed = changed
        self._freeze_delay = freeze_delay
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self.stay_thawed = False
        # Guarded by _changed.
        self._commands: deque[Command] = deque()
        self._busy = False
        self._shutdown_result: ShutdownResult | None = None

    @property
    def idle(self) -> bool:
        """True when nothing is being done and nothing waits; lock held."""
        return not self._busy and not self._commands

    @property
    def started(self) -> bool:
        """True once the thread has been started."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout: float = 10.0) -> None:
        """Wait for the thread's end, which follows a shutdown."""
        self._thread.join(timeout)

    def submit(self, do: Callable[[], Any]) -> Command:
        """Have `do` called in the thread, after what was submitted before."""
        command = Command(do)
        with self._changed:
            if not self._thread.is_alive() and self._life.phase is not Phase.CLOSED:
                raise RuntimeError("the environment is not started: use it in a with statement")
            if self._life.phase is Phase.CLOSED:
                raise _closed()
            self._commands.append(command)
            self._changed.notify_all()
        return command

    def shutdown(self, reason: str) -> ShutdownResult:
        """Shut the environment down once; return how, the first time's answer later on."""
        with self._changed:
            if self._shutdown_result is not None:
                return self._shutdown_result
        result: ShutdownResult = self.submit(lambda: self._shut_down(reason)).result()
        return result

    def _shut_down(self, reason: str) -> ShutdownResult:
        if self._shutdown_result is None:
            self._shutdown_result = self._life.shutdown(reason)
        return self._shutdown_result

    def _run(self) -> None:
        while self._life.phase is not Phase.CLOSED:
            command = self._next()
            if command is None:
                continue
            command.run()
            with self._changed:
                self._busy = False
                self._changed.notify_all()
            command.publish()
        with self._changed:
            left, self._commands = self._commands, deque()
        for command in left:
            command.refuse(_closed())

    def _next(self) -> Command | None:
        """Return the next command, or None after something else was done."""
        with self._changed:
            freeze_at = time.monotonic() + (self._freeze_delay or 0.0)
            while not self._commands and not self._life.broken_while_idle():
                left = freeze_at - time.monotonic() if self._wants_freeze() else None
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            if self._commands:
                self._busy = True
                return self._commands.popleft()
            broken = self._busy = self._life.broken_while_idle()
        if broken:
            self._life.reset("failure")
            with self._changed:
                self._busy = False
                self._changed.notify_all()
        else:
            self._life.freeze()
        return None

    def _wants_freeze(self) -> bool:
        return (
            self._freeze_delay is not None
            and not self.stay_thawed
            and self._life.phase is Phase.IDLE
            and not self._life.frozen
        )


def _closed() -> RuntimeError:
    return RuntimeError("the environment was shut down; make a new LocalLambda")
