from __future__ import annotations

import re
import sys
import textwrap

import pytest

from firehose_logging import _diagnostics
from firehose_logging._diagnostics import MAX_KEPT, MAX_LENGTH, deliver_to, mask, tell
from support.stage import run_python


@pytest.fixture(autouse=True)
def _forgotten():
    """Nothing counts as said already."""
    _diagnostics.forget()
    yield
    _diagnostics.forget()


def test_said_on_the_original_stderr():
    """What we say goes to the original stderr, on one line, even when sys.stderr is replaced."""
    code = """
        import io, sys
        from firehose_logging._diagnostics import tell
        sys.stderr = io.StringIO()
        tell("two\\nlines")
        assert sys.stderr.getvalue() == ""
        """

    ended = run_python(textwrap.dedent(code))

    assert ended.stderr == "firehose_logging: two lines\n"


def told(*messages, once=None):
    """What a child process writes that tells these messages."""
    code = f"""
        from firehose_logging._diagnostics import tell
        for message in {messages!r}:
            tell(message, once={once!r})
        """
    return run_python(textwrap.dedent(code)).stderr


def test_once():
    """A key is said once a process; without a key everything is said."""
    assert told("a", "b", once="key") == "firehose_logging: a\n"
    assert told("a", "a").count("\n") == 2


def test_long_messages_are_cut():
    """A response body in an error does not fill the log."""
    text = told("x" * 10_000)

    assert len(text) == len("firehose_logging: ") + MAX_LENGTH + 1
    assert text.endswith("...\n")


SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "key ASIAIOSFODNN7EXAMPLE, more",
        f"aws_secret_access_key={SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"aws_secret_access_key = '{SECRET}'",
        f'{{"SecretAccessKey": "{SECRET}", "a": 1}}',
        f"X-Amz-Security-Token: {SECRET}",
        f"AWS_SESSION_TOKEN={SECRET}",
        f"sessionToken='{SECRET}'",
        f"Signature={SECRET}",
        f"X-Amz-Credential={SECRET}&x=1",
    ],
)
def test_secrets_are_masked(text):
    """Nothing that looks like a credential is written."""
    found = mask(text)

    assert "[masked]" in found
    assert SECRET not in found
    assert "IOSFODNN7EXAMPLE" not in found


def test_other_text_is_not_masked():
    """Names and plain words stay readable."""
    text = "User: arn:aws:sts::123456789012:assumed-role/r/f is not authorized on stream logs"

    assert mask(text) == text


def test_no_stderr():
    """Without a stderr, or with a closed one, nothing is said and nothing raised."""
    code = """
        import os, sys
        from firehose_logging._diagnostics import tell
        os.close(2)
        tell("to a closed descriptor")
        sys.__stderr__ = None
        tell("to nobody")
        print("fine")
        """

    assert run_python(textwrap.dedent(code)).stdout == "fine\n"


def test_odd_text(capfd):
    """Text that is no UTF-8 is told all the same."""
    tell("a\ud800b")

    assert capfd.readouterr().err == "firehose_logging: a?b\n"


# -- the stream ---------------------------------------------------------------------------------


@pytest.fixture
def said():
    """What a sink was given: level, text and code."""
    given: list[tuple[str, str, str]] = []
    yield given
    _diagnostics.forget()


def test_the_stream_is_told_too(said, capfd):
    """A message goes to stderr and to the sink, with its code and that code's level."""
    deliver_to(lambda *message: said.append(message))
    tell("port 1234 is taken", code="port_taken")
    tell("broken")

    assert said == [
        ("WARNING", "port 1234 is taken", "port_taken"),
        ("ERROR", "broken", "internal"),
    ]
    assert capfd.readouterr().err.count("\n") == 2


def test_what_was_said_before_there_was_a_stream(said):
    """It is kept, in order, up to a bound, and told when the first sink comes."""
    for number in range(MAX_KEPT + 5):
        tell(f"{number}", code="setting_wrong")
    assert said == []
    deliver_to(lambda *message: said.append(message))

    assert [text for _, text, _ in said] == [str(number) for number in range(MAX_KEPT)]
    tell("and on", code="setting_wrong")
    assert said[-1][1] == "and on"


def test_the_first_stream_keeps_it(said):
    """A second delivery of the process is not told."""
    deliver_to(lambda *message: said.append(message))
    deliver_to(lambda *message: said.append(("wrong", "wrong", "wrong")))
    tell("once")

    assert [text for _, text, _ in said] == ["once"]


def test_what_a_sink_says_itself_waits(said):
    """A message about telling is told after it, not in the middle of it, and only once."""

    def sink(*message: str) -> None:
        tell("the journal is gone", code="journal_off", once="journal")
        said.append(message)

    deliver_to(sink)
    tell("first")

    assert [text for _, text, _ in said] == ["first", "the journal is gone"]


def test_a_sink_that_raises(capfd):
    """It is on stderr at least, and whoever tells goes on."""

    def sink(*message: str) -> None:
        raise ValueError("no")

    deliver_to(sink)
    tell("one")
    tell("two")

    assert capfd.readouterr().err.count("\n") == 2


def test_secrets_are_masked_in_the_stream_too(said):
    """What is kept back from stderr is kept back from the stream."""
    deliver_to(lambda *message: said.append(message))
    tell(f"refused: secretAccessKey={SECRET}")

    assert SECRET not in said[0][1]
    assert "[masked]" in said[0][1]


class Stream:
    """A standard error that is of no use."""

    def fileno(self) -> int:
        """It has none."""
        raise ValueError("no descriptor")


@pytest.mark.parametrize("stream", [None, Stream()], ids=["none", "without a descriptor"])
def test_without_stderr_it_goes_to_the_stream_alone(monkeypatch, stream):
    """Where nobody reads stderr, what is told still becomes a line."""
    _diagnostics.forget()
    monkeypatch.setattr(sys, "__stderr__", stream)
    told: list[tuple[str, str, str]] = []
    _diagnostics.deliver_to(lambda *given: told.append(given))
    _diagnostics.tell("something", code="journal_off")

    assert [text for _, text, _ in told] == ["something"]


def test_a_sink_that_fails_raises_nothing(capfd):
    """Telling must not become an error of the function's."""
    _diagnostics.forget()
    _diagnostics.deliver_to(lambda *given: 1 / 0)
    _diagnostics.tell("something", code="journal_off")

    assert "something" in capfd.readouterr().err


def test_a_step_that_fails_is_told(capfd):
    """A step of our own that fails costs itself, and is told once."""
    _diagnostics.forget()
    for _ in range(2):
        _diagnostics.attempt("a step", lambda: 1 / 0)

    assert capfd.readouterr().err.count("a step failed: ZeroDivisionError") == 1


def test_what_cannot_be_masked_is_not_told(monkeypatch, capfd):
    """As when the interpreter ends, and no module can be imported any more; nothing is raised."""

    def sub(*given):
        raise ImportError("sys.meta_path is None, Python is likely shutting down")

    _diagnostics.forget()
    monkeypatch.setattr(re, "sub", sub)
    _diagnostics.tell("something", code="journal_off")

    assert capfd.readouterr().err == ""
