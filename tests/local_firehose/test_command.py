"""`python -m local_firehose` as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from local_firehose import read_lines

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "local_firehose"]


@contextlib.contextmanager
def running(*arguments):
    """Run the command; yields the process and the variables that it prints."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    with process:
        try:
            variables = {}
            for line in process.stdout:
                if line.startswith("#"):
                    break
                name, _, value = shlex.split(line)[1].partition("=")
                variables[name] = value
            yield process, variables
        finally:
            process.kill()


def stop(process, number):
    """Send the signal; exit status and the balance that is printed."""
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    return process.returncode, json.loads(out)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_until_a_signal(tmp_path, monkeypatch, number):
    """The printed variables reach it; a signal makes it flush and print its ledger."""
    options = ("--bucket", tmp_path, "--prefix", "p/", "--compression", "GZIP")
    with running(*options, "--fault", "throttling*1") as (process, variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        # The SDK's own retry gets past the one throttled call.
        config = Config(retries={"total_max_attempts": 2, "mode": "standard"})
        client = boto3.session.Session().client("firehose", config=config)
        client.put_record(DeliveryStreamName="logs", Record={"Data": b'{"n":1}\n'})
        client.close()
        status, balance = stop(process, number)

    assert status == 0
    assert balance["outcomes"] == {"ThrottlingException": 1, "ok": 1}
    assert (balance["records"], balance["objects"]) == (1, 1)
    assert read_lines(tmp_path, "p/") == [{"n": 1}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "nope"], "known faults are"),
        (["--compression", "zstd"], "allowed are UNCOMPRESSED"),
        (["--prefix", "!{timestamp:yyyy}/"], "error_prefix is required"),
        (["--stream", "a b"], "regular expression"),
        (["--stream", "a", "--stream", "a"], "already exists"),
    ],
)
def test_wrong_arguments(arguments, words):
    """A wrong argument ends the command with status 2 and says what is allowed."""
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, cwd=ROOT, text=True, timeout=30, check=False
    )

    assert done.returncode == 2
    assert words in done.stderr


def test_help():
    """The help names every fault."""
    done = subprocess.run(
        [*COMMAND, "--help"], capture_output=True, cwd=ROOT, text=True, timeout=30, check=True
    )

    for name in ("throttling", "invalid-kms-resource", "partial:SHARE", "latency:MS"):
        assert name in done.stdout


def test_import_is_inert():
    """Importing the package starts no thread and imports no boto3."""
    code = (
        "import sys, threading, local_firehose;"
        "assert threading.active_count() == 1;"
        "assert 'boto3' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environment, timeout=30, check=True)
