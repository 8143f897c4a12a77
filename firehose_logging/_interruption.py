"""Exceptions that are the function's although they came up in our code: these pass, always."""

from __future__ import annotations


def is_users(error: BaseException) -> bool:
    """Whether an exception that came up in a call of ours into C is none of ours.

    A signal handler of the function's may raise anywhere, whatever it likes, ``TimeoutError`` for
    one; its own frame is the innermost then. And where the stack is used up, the function must
    hear of it as it would without us.

    Args:
        error: caught around code of ours that calls nothing written in Python but ours.
    """
    if isinstance(error, RecursionError):
        return True
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = traceback.tb_frame.f_globals.get("__name__") if traceback is not None else None
    return str(name).partition(".")[0] != "firehose_logging"
