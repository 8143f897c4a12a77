"""The arguments that every command over a source has."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from firehose_logging._cli import arguments
from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.window import MAX_INTERVAL


@pytest.fixture
def parse():
    """Parses arguments of a command over a source."""

    def go(*given, since=None):
        parser = arguments.parser("tail", "Shows lines.", "  firehose-logging tail\n")
        arguments.add_source(parser, since)
        return parser.parse_args(["--from", "bucket", *given])

    return go


def test_without_more_everything_is_read(parse):
    """No window, and Firehose's longest interval."""
    window = arguments.window(parse())

    assert (window.since, window.until, window.interval) == (None, None, MAX_INTERVAL)


def test_a_window(parse):
    """Both ends, and the stream's own interval."""
    given = parse("--since", "2026-11-28", "--until", "2026-11-28T01:00:00Z", "--interval", "60")
    window = arguments.window(given)

    assert window.since == datetime(2026, 11, 28, tzinfo=timezone.utc)
    assert window.until == datetime(2026, 11, 28, 1, tzinfo=timezone.utc)
    assert window.interval == 60


def test_a_command_may_begin_later(parse):
    """A command has a beginning of its own where none is given."""
    assert arguments.window(parse(since="5m")).since is not None


def test_an_end_before_the_beginning(parse):
    """Nothing can match: that is told."""
    with pytest.raises(CommandError, match="nothing can match"):
        arguments.window(parse("--since", "1h", "--until", "2h"))


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_what_is_no_time_is_told_with_its_option(parse, option):
    """The message names the option, its value and what is allowed."""
    with pytest.raises(CommandError, match=f"{option} 'yesterday' is no time: give how long ago"):
        arguments.window(parse(option, "yesterday"))


@pytest.mark.parametrize("interval", ["-1", "soon", "1.5"])
def test_wrong_intervals(parse, capsys, interval):
    """The message has the value and what is needed."""
    with pytest.raises(SystemExit):
        parse("--interval", interval)
    assert "a whole number of seconds from 0 on is needed" in capsys.readouterr().err


def test_the_help_ends_with_an_example(capsys):
    """Whoever asks for help sees how it is used."""
    with pytest.raises(SystemExit):
        arguments.parser("tail", "Shows lines.", "  firehose-logging tail\n").parse_args(["-h"])
    assert capsys.readouterr().out.rstrip().endswith("example:\n  firehose-logging tail")
