"""What is known of a function: nothing is taken for granted that nobody said."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from firehose_logging._cli import checks
from firehose_logging._cli.facts import Facts, Finding, Layer, Stream


def test_unknown_is_none():
    """A function of which only its variables are known has no facts besides."""
    facts = Facts("a.env", {})
    known = {field.name for field in fields(facts) if getattr(facts, field.name) is not None}

    assert known == {"where", "variables", "image", "notes"}
    assert (facts.image, facts.notes) == (False, [])
    assert Layer("x").runtimes is None
    assert Stream("logs").exists


def test_nobody_changes_them():
    """Facts are read, compared and never changed."""
    with pytest.raises(FrozenInstanceError):
        Facts("a", {}).where = "b"
    assert Stream("logs") == Stream("logs")


def test_what_is_unknown_is_no_error():
    """Of what nobody said nothing is told as wrong."""
    found = checks.examine(Facts("a.env", {"AWS_KINESIS_STREAM_NAME": "logs"}))

    assert all(isinstance(each, Finding) for each in found)
    assert not [each for each in found if each.level == "error"]
