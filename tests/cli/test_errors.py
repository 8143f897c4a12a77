"""Errors of the command: a sentence and a status, never a traceback."""

from __future__ import annotations

import pytest

from firehose_logging._cli import __main__ as program
from firehose_logging._cli import query
from firehose_logging._cli.errors import CommandError


@pytest.mark.parametrize("status", [1, 2])
def test_a_sentence_and_a_status(command, monkeypatch, status):
    """What a command cannot do is told on stderr, and the exit status says whose fault it is."""

    def fail(argv):
        raise CommandError("the sentence", status=status)

    monkeypatch.setattr(query, "main", fail)
    ran = command("query")

    assert (ran.status, ran.out) == (status, "")
    assert "the sentence" in ran.err
    assert "Traceback" not in ran.err
    assert program.main is not None


def test_wrong_input_is_the_default():
    """Unless it says otherwise an error is the input's."""
    assert CommandError("x").status == 2
