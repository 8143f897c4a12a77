"""The stack of an exception out of the text that a formatter has made of it."""

from __future__ import annotations

import logging

import pytest

from firehose_logging._line.exception import error_members


def deep(left: int) -> None:
    """So many frames, and a text that looks like some."""
    if left:
        deep(left - 1)
    raise KeyError('a\n  File "x.py", line 3, in y\n    b')


class WholeFrameError(Exception):
    """Its text is a frame."""

    def __str__(self) -> str:
        return '\n  File "x.py", line 3, in y'


def odd() -> None:
    """Raise it."""
    raise WholeFrameError


@pytest.mark.parametrize("text", [None, "as Python", "shorter", "of another"])
@pytest.mark.parametrize("fail", [lambda: deep(0), lambda: deep(3), lambda: deep(50), odd])
def test_a_stack_is_the_same_from_its_text(fail, text) -> None:
    """Whatever the text is: frames are taken from it only where all are those of the error."""
    with pytest.raises(Exception) as caught:
        fail()
    info = (caught.type, caught.value, caught.value.__traceback__)
    made = logging.Formatter().formatException(info)
    texts = {"as Python": made, "shorter": made[:90], "of another": made.replace("line ", "line 1")}

    assert error_members(*info, texts.get(text)) == error_members(*info)


class PropertyError(Exception):
    """Has code of its own where Python looks for the members of a group."""

    @property
    def exceptions(self) -> None:
        """Raise."""
        raise ZeroDivisionError


def test_what_an_error_raises_when_it_is_asked_stays_with_us() -> None:
    """With a formatter's text as without one: the frames are told."""
    error = PropertyError("x").with_traceback(None)
    plain = error_members(PropertyError, error, None)

    assert error_members(PropertyError, error, None, "Traceback") == plain
    assert '"errorType":"PropertyError"' in plain
