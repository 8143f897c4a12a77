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
import sys
import threading

from firehose_logging._natives import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

#: What a shell reports for a process that SIGTERM ended.
EXIT_STATUS = 128 + _signal.SIGTERM

SIGTERM: int = _signal.SIGTERM

#: Whoever uses this puts up with no other wake-up descriptor, and asks its user to report a bug.
_LIKES_IT_ALONE = "trio"

_previous: Any = _signal.SIG_DFL
_wake_fileno = -1
_deliver: Callable[..., bool] | None = None


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Wake the companion, in case the descriptor is an event loop's; run what was before us."""
    if _wake_fileno >= 0:
        try:
            write(_wake_fileno, bytes([number]))
        except OSError:
            pass  # full, so it is awake
    handled = callable(_previous)
    if _deliver is not None and not _deliver(ends=_previous == _signal.SIG_DFL):
        return
    if handled:
        _previous(number, frame)
    elif _deliver is not None and _previous == _signal.SIG_DFL:
        _end_by_signal()


def _end_by_signal() -> None:
    """End as SIGTERM ends a process that does nothing about it."""
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    os.kill(os.getpid(), _signal.SIGTERM)
    # Still here: the first process of a container, whom the kernel spares.
    _signal.signal(_signal.SIGTERM, _on_sigterm)


def _take_over() -> None:
    """Have SIGTERM call us first; on the main thread."""
    global _previous
    current = _signal.getsignal(_signal.SIGTERM)
    if current is not _on_sigterm:
        _previous = current
        _signal.signal(_signal.SIGTERM, _on_sigterm)


def call_at_sigterm(deliver: Callable[..., bool]) -> bool:
    """Outside Lambda: have SIGTERM call this before it takes its course.

    What comes then is what would have come without us: the handler that was there, or the end by
    the signal. A handler that the program installs later replaces ours.

    Args:
        deliver: called with ``ends``, whether the process is about to end by the signal; gives
            False when the signal will come again. Must not raise.

    Returns False when that is not ours to arrange: on another thread than the main one, or where
    SIGTERM is ignored.
    """
    global _deliver
    if threading.current_thread() is not threading.main_thread():
        return False
    if _signal.getsignal(_signal.SIGTERM) in (_signal.SIG_IGN, None):
        return False
    _deliver = deliver
    _take_over()
    return True


def watch_sigterm(wake_fileno: int) -> bool:
    """Have SIGTERM written to ``wake_fileno``; False when that is not ours to arrange.

    A handler that the function installs later replaces ours and nothing is lost: the
    descriptor is written to whatever the handler.
    """
    global _wake_fileno
    if threading.current_thread() is not threading.main_thread():
        return False
    _wake_fileno = wake_fileno
    _take_over()
    return watch_again()


def watch_again() -> bool:
    """Take SIGTERM and the descriptor back from who has gone; False when one lives by it.

    asyncio sets the descriptor to none when a loop that handled signals is closed, and SIGTERM to
    its default: the process would end before anybody could read anything. So do libraries.
    """
    if _wake_fileno < 0 or threading.current_thread() is not threading.main_thread():
        return False
    if _signal.getsignal(_signal.SIGTERM) in (_signal.SIG_DFL, _signal.SIG_IGN):
        _take_over()
    other = _signal.set_wakeup_fd(_wake_fileno, warn_on_full_buffer=False)
    if other in (-1, _wake_fileno):
        return True
    _signal.set_wakeup_fd(other)
    return False


def function_begins() -> None:
    """The function is about to run: it finds the descriptor free where it could not bear ours.

    While Python code runs, the handler wakes the companion by itself.
    """
    watching = watch_again()
    if watching and _LIKES_IT_ALONE in sys.modules:
        _signal.set_wakeup_fd(-1)


def sigterm_is_ours() -> bool:
    """Whether nobody but us would do anything about SIGTERM."""
    return _signal.getsignal(_signal.SIGTERM) is _on_sigterm and _previous == _signal.SIG_DFL


def end_process() -> None:
    """End as SIGTERM ends a process without a handler; a no-op when somebody handles it."""
    if sigterm_is_ours():
        os._exit(EXIT_STATUS)


def unwatch() -> None:
    """SIGTERM does again what it did before us; in a forked child, or the child outlives it."""
    global _deliver, _wake_fileno
    _deliver = None
    ours, _wake_fileno = _wake_fileno, -1
    if ours >= 0:
        other = _signal.set_wakeup_fd(-1)
        if other != ours:
            _signal.set_wakeup_fd(other)
    if _signal.getsignal(_signal.SIGTERM) is _on_sigterm:
        _signal.signal(_signal.SIGTERM, _previous)
