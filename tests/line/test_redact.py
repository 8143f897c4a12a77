"""A user's last word on a line."""

from __future__ import annotations

import json

import pytest

from firehose_logging._limits import MAX_RECORD_BYTES
from firehose_logging._line.redact import redacted

BODY = '{"timestamp":"2026-01-01T00:00:00.000000Z","type":"function","level":"INFO","logger":"a"'


def lines(hook, body=f'{BODY},"message":"secret"'):
    """The lines that take the place of one."""
    return [json.loads(f"{each}}}") for each in redacted(hook, body)]


def test_a_changed_line():
    """What the hook gives back is the line."""
    (line,) = lines(lambda line: {**line, "message": line["message"].upper(), "more": [1]})

    assert (line["message"], line["more"], line["logger"]) == ("SECRET", [1], "a")


def test_a_line_changed_in_place():
    """A hook may change the dict that it is given and give it back."""

    def hook(line):
        del line["message"]
        return line

    (line,) = lines(hook)
    assert "message" not in line


def test_a_dropped_line():
    """None drops the line."""
    assert lines(lambda line: None) == []


@pytest.mark.parametrize("given", ["text", 3, [], {}, ["message"]])
def test_no_dict_is_no_line(given):
    """Anything but a dict with members withholds the line, and a line says so."""
    (line,) = lines(lambda line: given)

    assert (line["code"], line["timestamp"]) == (
        "redaction_withheld",
        "2026-01-01T00:00:00.000000Z",
    )
    assert "secret" not in json.dumps(line)


def test_a_hook_that_raises_withholds_the_line():
    """What could not be masked does not leave; the line that says so holds none of its text."""

    def hook(line):
        raise ValueError(line["message"])

    (line,) = lines(hook)
    assert line["message"] == "a line was withheld: redact raised ValueError"


def test_a_hook_may_not_swallow_an_exit():
    """SystemExit of a hook is the function's own."""

    def hook(line):
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        lines(hook)


def test_a_line_made_too_long_is_split():
    """A hook may add what no record holds: the line comes in fragments, each legal."""
    bodies = redacted(lambda line: {**line, "more": "x" * 2_000_000}, f'{BODY},"message":"m"')

    assert len(bodies) > 1
    assert all(len(body) < MAX_RECORD_BYTES for body in bodies)
    assert all("fragment" in json.loads(f"{body}}}") for body in bodies)
