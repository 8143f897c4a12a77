"""SIGTERM, interpreter exit and fork: the ends and copies of the process.

An internal extension gets no SHUTDOWN event; SIGTERM to the process is the shutdown. While the
main thread is blocked in native code (the runtime client's poll, on Python 3.10, 3.11 and in
custom images) no Python-level handler runs, but the interpreter's C-level one writes the
signal's number to the wake-up descriptor at once, and the companion thread reads it there.
"""

from __future__ import annotations

# The C half of the signal module: the other half wraps its numbers in enumerations, which costs
# 1 ms of every cold start.
import _signal  # type: ignore[import-not-found]
import os
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

#: What a shell reports for a process that SIGTERM ended.
EXIT_STATUS = 128 + _signal.SIGTERM

SIGTERM: int = _signal.SIGTERM

_previous: Any = _signal.SIG_DFL
_wake_fileno = -1


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Wake the companion, in case the descriptor is an event loop's; run what was before us."""
    if _wake_fileno >= 0:
        try:
            os.write(_wake_fileno, bytes([number]))
        except OSError:
            pass  # full, so it is awake
    if callable(_previous):
        _previous(number, frame)


def watch_sigterm(wake_fileno: int) -> bool:
    """Have SIGTERM written to ``wake_fileno``; False when that is not ours to arrange.

    A handler that the function installs later replaces ours and nothing is lost: the
    descriptor is written to whatever the handler.
    """
    global _previous, _wake_fileno
    if threading.current_thread() is not threading.main_thread():
        return False
    _wake_fileno = wake_fileno
    current = _signal.getsignal(_signal.SIGTERM)
    if current is not _on_sigterm:
        _previous = current
        _signal.signal(_signal.SIGTERM, _on_sigterm)
    return watch_again()


def watch_again() -> bool:
    """Take the descriptor back from an event loop that has gone; False when one lives by it.

    asyncio sets it to none when a loop that handled signals is closed.
    """
    if _wake_fileno < 0 or threading.current_thread() is not threading.main_thread():
        return False
    other = _signal.set_wakeup_fd(_wake_fileno, warn_on_full_buffer=False)
    if other in (-1, _wake_fileno):
        return True
    _signal.set_wakeup_fd(other)
    return False


def sigterm_is_ours() -> bool:
    """Whether nobody but us would do anything about SIGTERM."""
    return _signal.getsignal(_signal.SIGTERM) is _on_sigterm and _previous == _signal.SIG_DFL


def end_process() -> None:
    """End as SIGTERM ends a process without a handler; a no-op when somebody handles it."""
    if sigterm_is_ours():
        os._exit(EXIT_STATUS)


def unwatch_in_child() -> None:
    """In a forked child: SIGTERM does again what it did before us, or the child outlives it."""
    global _wake_fileno
    ours, _wake_fileno = _wake_fileno, -1
    if ours >= 0:
        other = _signal.set_wakeup_fd(-1)
        if other != ours:
            _signal.set_wakeup_fd(other)
    if _signal.getsignal(_signal.SIGTERM) is _on_sigterm:
        _signal.signal(_signal.SIGTERM, _previous)
