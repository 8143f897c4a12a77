"""Progress and remarks go to stderr: stdout is the answer's."""

from __future__ import annotations

import sys

import pytest

from firehose_logging._cli.progress import Progress


@pytest.mark.parametrize("quiet", [True, False])
def test_nobody_looks(capsys, quiet):
    """In a pipe there are no bars, and counting costs nothing."""
    with Progress("tail", quiet=quiet).task("reading", 3) as done:
        done(3)

    assert capsys.readouterr() == ("", "")


def test_a_person_looks_on(capsys, monkeypatch):
    """On a terminal a bar shows what is being done; it is gone at the end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("tail").task("reading", None) as done:
        done(1)

    out, err = capsys.readouterr()
    assert out == ""
    assert "reading" in err


def test_a_remark(capsys):
    """A remark says whose it is."""
    Progress("verify").remark("2 objects could not be read")

    assert capsys.readouterr().err == "firehose-logging verify: 2 objects could not be read\n"
