from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path

import pytest

import firehose_logging
from firehose_logging import FirehoseHandler, FirehoseLoggingError, Settings, SettingsError
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import run_python

PACKAGE = Path(firehose_logging.__file__).parent

NAMES = {
    "FirehoseHandler", "FirehoseLoggingError", "FlushResult", "JsonFormatter", "Settings",
    "SettingsError", "flush", "install", "lambda_handler",
}  # fmt: skip


def test_names():
    """The public names are these, each is there, and each says what it is."""
    assert set(firehose_logging.__all__) == NAMES
    assert firehose_logging.__all__ == sorted(firehose_logging.__all__)
    for name in NAMES:
        assert inspect.getdoc(getattr(firehose_logging, name)), name


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("flush", "(timeout: float | None = None) -> FlushResult"),
        ("lambda_handler", "(function: Handler) -> Handler"),
    ],
)
def test_signatures(name, signature):
    """Signatures are a contract."""
    found = str(inspect.signature(getattr(firehose_logging, name)))

    assert found.replace("'", "") == signature


def test_handler_signature():
    """Only the stream's name may be given by position; all else by name, with these defaults."""
    parameters = list(inspect.signature(FirehoseHandler).parameters.values())

    assert [(p.name, p.default) for p in parameters] == [
        ("stream_name", None),
        ("level", 0),
        ("settings", None),
        ("client", None),
        ("redact", None),
    ]
    assert {p.kind for p in parameters[1:]} == {inspect.Parameter.KEYWORD_ONLY}


def test_version():
    """The version is a release number."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", firehose_logging.__version__)


def test_typed():
    """Type checkers are told that the package has types."""
    assert (PACKAGE / "py.typed").exists()


def test_errors():
    """Errors have one base; a wrong setting is a ValueError too, and survives pickling."""
    error = SettingsError("flush='x' is not allowed")

    assert isinstance(error, FirehoseLoggingError)
    assert isinstance(error, ValueError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_flush_result():
    """A result is true when nothing is pending and nothing was lost."""
    assert firehose_logging.FlushResult(3, 0, {})
    assert not firehose_logging.FlushResult(3, 1, {})
    assert not firehose_logging.FlushResult(3, 0, {"refused": 1})


def test_every_setting_is_documented():
    """The docstring of Settings names every setting and its variable."""
    doc = inspect.getdoc(Settings) or ""

    for field in Settings.__slots__:
        if field != "given":
            assert re.search(rf"^ *{field}: ", doc, re.MULTILINE), field
    assert doc.count("``FIREHOSE_LOGGING_") >= 10


def test_public_members_say_what_they_do():
    """Every public method of a public class has a docstring."""
    for name in NAMES:
        item = getattr(firehose_logging, name)
        if not inspect.isclass(item):
            continue
        for member, value in vars(item).items():
            if not member.startswith("_") and inspect.isfunction(value):
                assert inspect.getdoc(value), f"{name}.{member}"


def test_install_without_a_stream(capfd):
    """Without a stream nothing is installed, told once, and the answer says so."""
    assert firehose_logging.install() is False
    assert firehose_logging.install() is False
    assert capfd.readouterr().err.count("AWS_KINESIS_STREAM_NAME is not set") == 1


def test_stand_ins_for_tests():
    """The stand-ins that users' tests may use do what they say."""
    clock = ManualClock(5.0)
    clock.advance(1.5)
    transport = MemoryTransport()
    transport.send([b'{"a": 1}\n'], 1.0)
    transport.close()

    assert (clock.now(), clock.epoch()) == (6.5, 6.5)
    assert transport.lines() == [{"a": 1}]
    assert transport.calls == [[b'{"a": 1}\n']]


def test_the_handler_comes_when_it_is_asked_for():
    """A function that starts with the wrapper has none; what is no name of ours is none."""
    script = (
        "import sys, firehose_logging\n"
        "before = 'firehose_logging.handler' in sys.modules\n"
        "from firehose_logging import FirehoseHandler\n"
        "print(before, FirehoseHandler is sys.modules['firehose_logging.handler'].FirehoseHandler)"
    )
    assert run_python(script).stdout.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="no attribute 'Handler'"):
        firehose_logging.Handler  # noqa: B018 - asking is what is tried
