"""Code of the user's that we call on our own account, and what it may raise.

Without us nobody asks an ``extra`` for its text: whatever that raises stays here. What comes from
elsewhere at that moment (a signal handler's exception, KeyboardInterrupt, the time-out of a
greenlet) goes where it went without us.
"""

from __future__ import annotations

from _signal import getsignal, valid_signals  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

#: Libraries whose exceptions come out of any call that waits.
_SWITCHING = ("gevent", "eventlet", "greenlet")


def text_of(value: object) -> str:
    """``str(value)``, or a stand-in when that raises."""
    try:
        return str(value)
    except BaseException as error:
        if is_its_own(error):
            return stand_in(value)
        raise


def stand_in(value: object) -> str:
    """The text for what has no text."""
    return f"<unprintable {type(value).__name__} object>"


def is_its_own(error: BaseException) -> bool:
    """Whether an exception is of the code that we called, and nobody else's business."""
    is_usual = isinstance(error, Exception)
    if isinstance(error, KeyboardInterrupt):
        return False
    if not is_usual and type(error).__module__.partition(".")[0] in _SWITCHING:
        return False
    codes = set()
    for number in valid_signals():
        handler = getsignal(number)
        if callable(handler) and type(handler).__module__ != "builtins":
            if is_usual:
                continue
            return False  # an object whose code we do not know
        codes.add(getattr(handler, "__code__", None))
    return not codes & _codes(error)


def _codes(error: BaseException) -> set[CodeType]:
    codes = set()
    trace = error.__traceback__
    while trace is not None:
        codes.add(trace.tb_frame.f_code)
        trace = trace.tb_next
    return codes
