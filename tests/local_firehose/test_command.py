"""`python -m local_firehose` as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from local_firehose import read_lines
from local_lambda import Function

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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
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


def test_a_table_of_columns(tmp_path, monkeypatch):
    """What a stranger's client sends comes out as Parquet, and what is no object beside it."""
    reader = pytest.importorskip("pyarrow.parquet")
    options = ("--bucket", tmp_path, "--column", "seq:bigint", "--column", "message:string")
    with running(*options) as (process, variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        client = boto3.session.Session().client("firehose")
        client.put_record(DeliveryStreamName="logs", Record={"Data": b'{"seq":7}\nnothing\n'})
        client.close()
        status, _ = stop(process, signal.SIGTERM)

    (table,) = tmp_path.rglob("*.parquet")
    (refused,) = tmp_path.glob("format-conversion-failed/**/logs-*")
    assert status == 0
    assert reader.read_table(table).to_pylist() == [{"seq": 7, "message": None}]
    assert refused.read_text() == "nothing"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "nope"], "known faults are"),
        (["--compression", "zstd"], "allowed are UNCOMPRESSED"),
        (["--prefix", "!{timestamp:yyyy}/"], "error_prefix is required"),
        (["--stream", "a b"], "regular expression"),
        (["--column", "seq"], "use NAME:TYPE"),
        (["--column", "seq:number"], "known here are"),
        (["--column", "seq:bigint", "--buffer-mib", "5"], "64 are needed"),
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


def test_keys_and_region_are_those_of_the_local_lambda(tmp_path):
    """Started without a word of them it knows the keys that functions have, and their region."""
    with running("--bucket", tmp_path) as (_, variables):
        pass

    assert variables["AWS_ACCESS_KEY_ID"] == Function.access_key
    assert variables["AWS_SECRET_ACCESS_KEY"] == Function.secret_key
    assert variables["AWS_SESSION_TOKEN"] == Function.session_token
    assert variables["AWS_REGION"] == Function.region


def test_other_names_and_addresses(tmp_path):
    """It listens where it is told to, and its certificate is for the names that are asked for."""
    options = ("--host", "0.0.0.0", "--tls", "--name", "firehose.example", "--name", "127.0.0.9")
    with running("--bucket", tmp_path, *options) as (_, variables):
        port = urlsplit(variables["AWS_ENDPOINT_URL_FIREHOSE"]).port
        context = ssl.create_default_context(cafile=variables["AWS_CA_BUNDLE"])
        for name in ("firehose.example", "localhost", "127.0.0.9"):
            with (
                socket.create_connection(("127.0.0.9", port), 10) as connection,
                context.wrap_socket(connection, server_hostname=name) as secured,
            ):
                assert secured.version()


@pytest.mark.skipif(shutil.which("aws") is None, reason="the aws command is not installed")
def test_the_aws_command(tmp_path):
    """The printed variables are all that the aws command needs."""
    with running("--bucket", tmp_path / "bucket") as (process, variables):
        answer = subprocess.run(
            ["aws", "firehose", "put-record", "--delivery-stream-name", "logs",
             "--record", json.dumps({"Data": "YSBsaW5l"}),
             "--endpoint-url", variables["AWS_ENDPOINT_URL_FIREHOSE"]],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables},
            capture_output=True, text=True, check=False, timeout=50,
        )  # fmt: skip
        status, balance = stop(process, signal.SIGTERM)

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["RecordId"]
    assert status == 0
    assert balance["calls"] == 1
