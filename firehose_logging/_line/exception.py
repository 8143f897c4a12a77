"""The columns of an exception."""

from __future__ import annotations

import traceback

from firehose_logging._line.foreign import is_its_own, text_of
from firehose_logging._line.json_text import dumps, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


def error_members(
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
    text: object = None,
) -> str:
    """``errorType``, ``errorMessage``, ``stackTrace``, as JSON members with a leading comma.

    The stack of an exception with a cause, a context, notes or members of a group is the whole
    chain as Python prints it, one entry a frame; else it is the frames alone.

    Args:
        kind: its class.
        error: itself; None where only the class is known.
        trace: its stack.
        text: what a formatter has made of it, for other handlers: where that is what Python
            prints, the frames are cut out of it. To make them again takes 30 us.
    """
    frames = [frame.rstrip() for frame in _stack(kind, error, trace, text)]
    return (
        f',"errorType":{quote(kind.__name__)},"errorMessage":{quote(text_of(error))}'
        f',"stackTrace":{dumps(frames)}'
    )


def _stack(
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
    text: object,
) -> list[str]:
    try:
        if error is not None and has_more_to_tell(error):
            return traceback.format_exception(kind, error, trace)
    except BaseException as failure:
        if is_its_own(failure):  # the exception's own str or repr may raise
            return _frames(trace)
        raise
    return (_cut(text, trace) if type(text) is str else None) or _frames(trace)


def _cut(text: str, trace: TracebackType | None) -> list[str] | None:
    """The frames of a stack as Python prints them, out of its text; None where it is another's."""
    head, _, rest = text.partition("\n")
    if head != "Traceback (most recent call last):":
        return None
    frames: list[str] = []
    for line in rest.split("\n"):
        if line.startswith('  File "'):
            if trace is None:
                return None
            code = trace.tb_frame.f_code
            if line != f'  File "{code.co_filename}", line {trace.tb_lineno}, in {code.co_name}':
                return None
            frames.append(line)
            trace = trace.tb_next
        elif line.startswith("    ") and frames:
            frames[-1] += f"\n{line}"
        elif line.startswith(" "):
            return None
        else:
            break
    return frames if trace is None else None


def has_more_to_tell(error: BaseException) -> bool:
    """Whether Python prints more of an exception than its frames and its text."""
    return bool(
        error.__cause__ is not None
        or (error.__context__ is not None and not error.__suppress_context__)
        or getattr(error, "__notes__", None)
        or hasattr(error, "exceptions")  # a group's members
    )


def _frames(trace: TracebackType | None) -> list[str]:
    try:
        return traceback.format_tb(trace)
    except Exception as error:  # a source file of an odd loader
        if not is_its_own(error):
            raise
        return []


def text_members(text: str) -> str:
    """``stackTrace`` of an exception of which only the text is left."""
    return f',"stackTrace":{dumps(text.splitlines())}'


def location_of(trace: list[str]) -> str:
    """``path:function:line`` of the innermost frame of a formatted stack; empty without one."""
    for entry in reversed(trace):
        first = entry.strip().splitlines()[0] if entry.strip() else ""
        if first.startswith('File "') and ", line " in first:
            path, _, rest = first[6:].partition('", line ')
            line, _, function = rest.partition(", in ")
            return f"{path}:{function}:{line}"
    return ""
