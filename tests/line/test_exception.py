from __future__ import annotations

import json
import signal
import sys
from importlib.machinery import ModuleSpec

import pytest

from firehose_logging._line.exception import (
    error_members,
    has_more_to_tell,
    location_of,
    text_members,
)
from tools.strategies import OddError


def caught(*errors: BaseException, explicit: bool = False, hidden: bool = False) -> BaseException:
    """The last of ``errors``, raised while the ones before it were handled."""
    before: BaseException | None = None
    for error in errors:
        try:
            try:
                if before is not None:
                    raise before
            except BaseException as cause:
                if hidden or explicit:
                    raise error from (None if hidden else cause)
                raise error  # noqa: B904 - the context is what is tested
            raise error
        except BaseException as raised:
            before = raised
    assert before is not None
    return before


def members(error: BaseException) -> dict[str, object]:
    """The columns of an exception."""
    return json.loads("{" + error_members(type(error), error, error.__traceback__)[1:] + "}")


def test_a_plain_exception():
    """Type, message and one entry a frame."""
    found = members(caught(ValueError("bad é")))

    assert (found["errorType"], found["errorMessage"]) == ("ValueError", "bad é")
    assert [frame.lstrip().startswith('File "') for frame in found["stackTrace"]] == [True]


@pytest.mark.parametrize(
    ("explicit", "words"), [(True, "direct cause"), (False, "During handling")]
)
def test_the_whole_chain(explicit, words):
    """Cause and context are in the stack, first what happened first, as Python prints them."""
    stack = "\n".join(
        members(caught(KeyError("one"), TypeError("two"), ValueError("three"), explicit=explicit))[
            "stackTrace"
        ]
    )

    places = [
        stack.index(text) for text in ("KeyError: 'one'", "TypeError: two", "ValueError: three")
    ]
    assert places == sorted(places)
    assert stack.count(words) == 2


def test_a_context_that_is_hidden_stays_hidden():
    """`raise ... from None` keeps out what Python itself would not print."""
    error = caught(KeyError("secret"), ValueError("plain"), hidden=True)

    assert not has_more_to_tell(error)
    assert "secret" not in json.dumps(members(error))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups and notes came with Python 3.11")
def test_groups_and_notes():
    """Members of a group, with their own causes, and notes are in the stack."""
    noted = caught(KeyError("first"), ValueError("one"), explicit=True)
    noted.add_note("while reading row 7")
    group = ExceptionGroup("many", [noted, TypeError("two")])  # noqa: F821

    stack = "\n".join(members(group)["stackTrace"])

    for words in ("KeyError: 'first'", "ValueError: one", "while reading row 7", "TypeError: two"):
        assert words in stack


def test_an_exception_that_cannot_be_shown():
    """An exception whose str raises has its type and stack, also in a chain."""
    found = members(caught(ValueError("x"), OddError(), explicit=True))

    assert found["errorType"] == "OddError"
    assert found["errorMessage"] == "<unprintable OddError object>"
    assert found["stackTrace"]


class LeavingError(Exception):
    """Leaves the program when shown."""

    def __str__(self) -> str:
        raise SystemExit(1)


def test_an_exception_that_leaves_when_shown():
    """What showing an exception raises is nobody's business."""
    found = members(caught(KeyError(), LeavingError()))

    assert found["errorMessage"] == "<unprintable LeavingError object>"
    assert found["stackTrace"]


def test_no_exception():
    """A type without an exception, as some hooks are given, is enough."""
    assert json.loads("{" + error_members(ValueError, None, None)[1:] + "}") == {
        "errorType": "ValueError",
        "errorMessage": "None",
        "stackTrace": [],
    }


def test_text_of_a_stack():
    """Of an exception that came through a queue only the text is left."""
    assert text_members("a\nb") == ',"stackTrace":["a","b"]'


@pytest.mark.parametrize(
    ("trace", "place"),
    [
        ([], ""),
        (["no frame"], ""),
        (
            ['  File "/var/task/app.py", line 3, in handler\n    load()\n'],
            "/var/task/app.py:handler:3",
        ),
        (
            ['  File "/a.py", line 1, in f\n', '  File "/b.py", line 2, in g\n', "ValueError: x"],
            "/b.py:g:2",
        ),
        (["", '  File "/b.py", line 2\n'], "/b.py::2"),
    ],
)
def test_location(trace, place):
    """The innermost frame's file, function and line."""
    assert location_of(trace) == place


def test_a_note_that_cannot_be_shown_costs_the_chain_alone():
    """An exception whose own text raises keeps its frames."""

    class OddityError(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    try:
        raise OddityError from KeyError("cause")
    except OddityError as error:
        members = json.loads("{" + error_members(type(error), error, error.__traceback__)[1:] + "}")

    assert members["errorType"] == "OddityError"
    assert "test_exception.py" in str(members["stackTrace"])


class AlarmError(Exception):
    """What the function's signal handler raises; no OSError, which linecache would swallow."""


class SignalledError(Exception):
    """An exception in whose text a signal of the function's arrives."""

    def __str__(self) -> str:
        signal.raise_signal(signal.SIGUSR1)
        return "never"


@pytest.fixture
def signal_raises():
    """The function has a signal handler that raises."""

    def handle(*_: object) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGUSR1, handle)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.usefixtures("signal_raises")
def test_what_a_signal_handler_raises_meanwhile_comes_out(chained):
    """It is the function's, and no trouble with the exception that is shown."""
    before = [KeyError("first")] if chained else []
    error = caught(*before, SignalledError())

    with pytest.raises(AlarmError):
        members(error)


class OddLoader:
    """Where the source of a module comes from; asked for a line of it, it does something."""

    def __init__(self, action) -> None:
        self.action = action

    def get_source(self, name: str) -> str:
        self.action()
        return ""


def raised_in_odd_source(action) -> BaseException:
    """An exception from a module whose source is told by an odd loader."""
    loader = OddLoader(action)
    spec = ModuleSpec("odd", loader)  # what Python 3.15 asks for it
    names = {"__name__": "odd", "__loader__": loader, "__spec__": spec, "ValueError": ValueError}
    try:
        exec(compile("raise ValueError('x')", f"{id(action)}_odd.py", "exec"), names)
    except ValueError as error:
        return error
    raise AssertionError


def fail() -> None:
    """What a broken loader does."""
    raise RuntimeError("no source here")


def test_source_that_cannot_be_read_costs_the_frames_alone():
    """An odd loader raises while frames are made: type and message are there."""
    found = members(raised_in_odd_source(fail))

    assert (found["errorType"], found["errorMessage"], found["stackTrace"]) == (
        "ValueError", "x", [],
    )  # fmt: skip


@pytest.mark.usefixtures("signal_raises")
def test_a_signal_while_source_is_read_comes_out():
    """The function's exception passes there, too."""
    error = raised_in_odd_source(lambda: signal.raise_signal(signal.SIGUSR1))

    with pytest.raises(AlarmError):
        members(error)
