"""Records into lines, as a handler gives them and as their loggers hand them on."""

from __future__ import annotations

import logging
import sys

import pytest

from firehose_logging._capture.records import Records
from firehose_logging.formatter import JsonFormatter
from support.captured import Stage


@pytest.fixture
def stage():
    """Records, and what becomes of them."""
    return Stage()


def record(message="hello", *args, **more):
    """A log record of level WARNING."""
    given = {"msg": message, "args": args, "levelno": 30, "levelname": "WARNING", "name": "app"}
    return logging.makeLogRecord({**given, **more})


class Broken:
    """Cannot be printed."""

    def __str__(self) -> str:
        raise ValueError("no text")


def test_a_formatter_makes_the_message(stage):
    """Another formatter's text is the message; all other columns stay; the record is untouched."""
    given = record("%d sold", 3, shop="north")
    before = dict(given.__dict__)
    stage.records.take(given, logging.Formatter("%(levelname)s: %(message)s"))

    (line,) = stage.lines()
    assert (line["message"], line["level"], line["shop"]) == ("WARNING: 3 sold", "WARNING", "north")
    assert given.__dict__ == before


def test_a_formatter_that_fails_costs_its_format(stage):
    """The message comes all the same, and says what happened."""

    class Failing(logging.Formatter):
        def format(self, record):
            raise LookupError("x")

    stage.records.take(record(), Failing())

    assert stage.messages() == ["hello [LookupError in the formatter]"]


def test_a_subclass_of_ours_makes_a_message(stage):
    """Who overrides JsonFormatter.format wants his text, who does not wants the columns."""

    class Short(JsonFormatter):
        def format(self, record):
            return "short"

    stage.records.take(record(), Short())
    stage.records.take(record(), JsonFormatter())

    assert stage.messages() == ["short", "hello"]


def test_one_line_for_a_record_that_two_handlers_get(stage):
    """A record that reaches two givers of one sink is one line; another record is another."""
    other = Records(stage.sink, stage.context)
    given = record()
    stage.records.take(given)
    other.take(given)
    other.take(record("next"))

    assert stage.messages() == ["hello", "next"]


def test_a_record_that_is_taken_already_gets_its_format(stage):
    """Where its logger has handed it on, a handler of ours adds the text and makes no line."""
    given = record()
    held = stage.loggers.begin(given)
    stage.records.take(given, logging.Formatter("formatted %(message)s"))
    assert stage.messages() == []
    stage.loggers.end(held)

    assert stage.messages() == ["formatted hello"]


def test_what_was_printed_as_json_adds_columns(stage):
    """What a logger's own JSON formatter has added is in the line of the record."""
    held = stage.loggers.begin(record(shop="north"))
    held.echo('{"message": "hello", "correlation": "c-1", "shop": "ignored"}\n')
    held.echo("plain text changes nothing\n")
    stage.loggers.end(held)

    (line,) = stage.lines()
    assert (line["correlation"], line["shop"]) == ("c-1", "north")


@pytest.mark.parametrize("fails", [False, True])
def test_the_place_that_was_printed(stage, fails):
    """Where a logger's own JSON says it was logged is the column, but where an error has it."""
    given = record()
    if fails:
        try:
            raise ValueError("no")
        except ValueError:
            given.exc_info = sys.exc_info()
    held = stage.loggers.begin(given)
    held.echo('{"message": "hello", "location": "handler:12", "service": "shop"}\n')
    stage.loggers.end(held)

    (line,) = stage.lines()
    assert (line["location"] == "handler:12") is not fails
    assert ("errorType" in line) is fails
    assert line["service"] == "shop"
    assert "extra" not in line


def test_a_message_that_a_subclass_makes(stage):
    """A record whose class makes its own message is asked for it, once formatters have not."""

    class Braces(logging.LogRecord):
        def getMessage(self):  # noqa: N802 - logging's name
            return self.msg.format(*self.args)

    given = Braces("app", 30, "app.py", 1, "{} sold", (3,), None)
    stage.loggers.end(stage.loggers.begin(given))

    assert stage.messages() == ["3 sold"]


def test_what_cannot_be_encoded_is_salvaged(stage):
    """A message without a text costs itself, never the thread that logs; the rest is told."""
    stage.records.take(record(Broken()))

    (line,) = stage.lines()
    assert line["level"] in ("WARNING", "ERROR")
    assert "Broken" in line["message"] or "ValueError" in line["message"]


def test_with_redaction_what_is_not_whole_is_counted(stage):
    """A line that cannot be redacted as a whole does not leave: it is a counted loss."""
    stage.sink.redact_with(lambda line: line)
    stage.records.salvage(record())

    assert stage.messages() == []
    assert stage.delivery.counts()["lost"] == {"unencodable": 1}


def test_an_exception_of_the_function_passes(stage, monkeypatch):
    """What a signal handler raises while a record is encoded comes out of the log call."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stage.records._json, "plain", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stage.records.take(record())


def test_handling_without_changes_needs_no_copy(stage):
    """A record that nobody has changed is encoded as it is."""
    given = record()

    (body,) = stage.records.bodies(stage.loggers.begin(given))
    assert '"message":"hello"' in body
