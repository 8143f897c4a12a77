"""`python -m local_lambda`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from local_lambda.__main__ import main
from local_lambda.timeline import TimelineEvent, format_timeline
from support.local_lambda_fixtures import write_function

HANDLER = """
import logging


def handler(event, context):
    logging.warning("event %s", event)
    if event.get("raise"):
        raise ValueError("as told")
    return {"got": event}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with one small function."""
    return write_function(tmp_path / "a function", HANDLER)


@pytest.mark.e2e
def test_answers_output_and_timeline_are_shown(folder, tmp_path, capsys):
    """Events from the command line and from files are invoked in order; status 0."""
    (tmp_path / "event.json").write_text('{"n": 2}')
    arguments = ["--event", '{"n": 1}', "--event", f"@{tmp_path / 'event.json'}", "--timeline"]

    status = main([str(folder), "app.handler", *arguments, "--init"])

    output = capsys.readouterr().out
    assert status == 0
    assert output.index('{"got": {"n": 1}}') < output.index('{"got": {"n": 2}}')
    assert "event {'n': 1}" in output
    for word in ("init: success", "frozen", "thawed", "gets event", "SIGKILL"):
        assert word in output


@pytest.mark.e2e
def test_a_function_error_is_status_1(folder, capsys):
    """An error is shown and makes the exit status 1."""
    status = main([str(folder), "app.handler", "--event", '{"raise": 1}', "--event", "{}"])

    assert status == 1
    assert "ERROR after" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/such", "app.handler"], "no such folder"),
        (["{folder}", "app.handler", "--env", "X"], "NAME=VALUE"),
        (["{folder}", "app.handler", "--env", "AWS_REGION=x"], "reserves this name"),
        (["{folder}", "app.handler", "--event", "{"], "is no JSON"),
        (["{folder}", "app.handler", "--event", "@/no/such"], "No such file"),
        (["{folder}", "app.handler", "--python", "/no/python"], "no usable interpreter"),
        (["{folder}", "app.handler", "--timeout", "0"], "timeout=0"),
    ],
)
def test_what_cannot_start_is_status_2(folder, arguments, words, capsys):
    """Each mistake is told in one line, with what is allowed."""
    status = main([argument.replace("{folder}", str(folder)) for argument in arguments])

    assert status == 2
    assert words in capsys.readouterr().err


@pytest.mark.e2e
def test_logs_are_kept_in_files(folder, tmp_path, capsys):
    """Telemetry and output go to files as JSON lines."""
    files = {name: tmp_path / name for name in ("telemetry", "output")}

    main(
        [
            str(folder),
            "app.handler",
            *("--telemetry-log", str(files["telemetry"])),
            *("--output-log", str(files["output"])),
        ]
    )

    kinds = [json.loads(line)["type"] for line in files["telemetry"].read_text().splitlines()]
    assert kinds[0] == "platform.initStart"
    assert "function" in kinds
    assert "WARNING" in json.loads(files["output"].read_text().splitlines()[0])["text"]


@pytest.mark.e2e
def test_firehose_is_started_and_named(tmp_path, capsys):
    """With --firehose the function finds a stream to write to, and the objects are listed."""
    source = """
import os

import boto3


def handler(event, context):
    firehose = boto3.client("firehose")
    answer = firehose.put_record(
        DeliveryStreamName=os.environ["AWS_KINESIS_STREAM_NAME"], Record={"Data": b"a line"}
    )
    return bool(answer["RecordId"])
"""
    folder = write_function(tmp_path / "function", source)
    out = tmp_path / "out"

    status = main([str(folder), "app.handler", "--firehose", str(out), "--timeout", "30"])

    assert status == 0
    objects = [line for line in capsys.readouterr().out.splitlines() if line.startswith("object: ")]
    assert len(objects) == 1
    assert [path.read_bytes() for path in out.rglob("*") if path.is_file()] == [b"a line"]


@pytest.mark.e2e
def test_help_explains_itself():
    """The module runs as a program and its help names the examples."""
    answer = subprocess.run(
        [sys.executable, "-m", "local_lambda", "--help"], capture_output=True, text=True, check=True
    )

    assert "--layer" in answer.stdout
    assert "examples:" in answer.stdout
    assert "Exit status" in answer.stdout


def test_timeline_lines():
    """Each line has the time, the pause before, who, what and a bounded detail."""
    events = [
        TimelineEvent(0.0, "platform", "init start", "phase init"),
        TimelineEvent(0.25, "runtime", "next"),
        TimelineEvent(0.2504, "output", "stdout", "x" * 500),
    ]

    first, second, third = format_timeline(events)

    assert first == "    0.000 s        platform             init start               phase init"
    assert second == "    0.250 s   +250 runtime              next"
    assert third.endswith("x…")
    assert len(third) == 110


def test_timeline_is_coloured_on_request():
    """Colours mark who did it, red what went wrong."""
    events = [TimelineEvent(0.0, "platform", "SIGKILL"), TimelineEvent(0.1, "runtime", "next")]

    bad, good = format_timeline(events, colour=True)

    assert "\x1b[31m" in bad
    assert "\x1b[32m" in good
    assert not any("\x1b" in line for line in format_timeline(events))
