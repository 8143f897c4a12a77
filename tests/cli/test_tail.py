"""The newest lines, and those that come."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from tools.waiting import wait_until

PROGRAM = [sys.executable, "-m", "firehose_logging._cli", "tail"]


@pytest.mark.e2e
def test_grouped_by_invocation(bucket, command):
    """One heading an invocation, its lines below it in order, stack traces too."""
    out = command("tail", "--from", bucket.folder, "--since", "1d").out

    headings = [line.split()[0] for line in out.splitlines() if re.match(r"\w{8}-\w{4}-", line)]
    assert headings == list(bucket.requests.values())
    whole = out.partition("order taken")[2].partition("no such key")[0]
    assert whole.index("running low") < whole.index("printed")
    assert re.search(r"KeyError: .* at /", out)
    assert "cold start" in out


@pytest.mark.e2e
def test_filters(bucket, command):
    """By function, level and request."""
    tail = ("tail", "--from", bucket.folder, "--since", "1d")

    assert "order taken" not in command(*tail, "--level", "error").out
    assert "gave up" in command(*tail, "--level", "error").out
    assert "no such lines" in command(*tail, "--function", "other").err
    story = command(*tail, "--request", bucket.requests["raised"]).out
    assert "about to fail" in story
    assert "platform.report" in story
    assert "order taken" not in story
    assert "one of DEBUG" in command(*tail, "--level", "loud").err


def written(folder, name, text):
    """One object with one line of just now."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    line = {"timestamp": now, "type": "function", "level": "INFO", "logger": "user"}
    line |= {"message": text, "requestId": "r", "instanceId": "i", "seq": 1}
    (folder / f".{name}").write_text(json.dumps(line) + "\n")
    (folder / f".{name}").rename(folder / name)


def test_follow(tmp_path):
    """New objects are shown as they come, their delay is stated, and Ctrl-C ends it."""
    written(tmp_path, "first", "one")
    out = tmp_path / ".out"
    with out.open("wb") as stdout, (tmp_path / ".err").open("wb") as stderr:
        program = subprocess.Popen(
            [*PROGRAM, "--from", tmp_path, "--follow", "--every", "0.1"],
            stdout=stdout, stderr=stderr, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            wait_until(lambda: b"one" in out.read_bytes(), 30)
            written(tmp_path, "second", "two")
            wait_until(lambda: b"two" in out.read_bytes(), 30)
            wait_until(lambda: b"s old when" in (tmp_path / ".err").read_bytes(), 30)
            program.send_signal(signal.SIGINT)
            status = program.wait(30)
        finally:
            program.kill()
            program.wait()

    assert status == 130
    assert out.read_bytes().count(b"one") == 1
    assert b"Traceback" not in (tmp_path / ".err").read_bytes()


def test_control_characters_stay_where_they_are(tmp_path, command):
    """A line cannot move the reader's cursor or change its colours."""
    written(tmp_path, "x", "red \x1b[31m and \x07 bell")

    out = command("tail", "--from", tmp_path).out
    assert "\x1b" not in out
    assert "\x07" not in out
