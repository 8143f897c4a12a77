"""`python -m local_lambda`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local_lambda.__main__ import main
from local_lambda.timeline import TimelineEvent, format_timeline, write_html
from support.local_lambda_fixtures import STUB_RUNTIME, write_function, write_script
from tools.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]

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
        (["{folder}", "app.handler", "--event", "@/no/such"], "--event @/no/such: No such file"),
        (["{folder}", "app.handler", "--event", "@/no/such"], "No such file"),
        (["{folder}", "app.handler", "--python", "/no/python"], "no usable interpreter"),
        (["{folder}", "app.handler", "--timeout", "0"], "timeout=0"),
        (["{folder}", "app.handler", "--env-file", "/no/such"], "No such file"),
        (["{folder}", "app.handler", "--start-up", "bootstrap"], "there is no"),
        (["{folder}", "x", "--firehose", "{folder}/out", "--fault", "odd"], "known faults"),
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
def test_a_fault_and_nothing_delivered(tmp_path, capsys):
    """--fault makes the local Firehose fail; that nothing was delivered is said."""
    source = """
import os

import boto3
from botocore.config import Config


def handler(event, context):
    config = Config(retries={"total_max_attempts": 1})
    boto3.client("firehose", config=config).put_record(
        DeliveryStreamName=os.environ["AWS_KINESIS_STREAM_NAME"], Record={"Data": b"a line"}
    )
"""
    folder = write_function(tmp_path / "function", source)
    options = ["--firehose", str(tmp_path / "out"), "--fault", "throttling", "--timeout", "30"]

    status = main([str(folder), "app.handler", *options])

    assert status == 1
    output = capsys.readouterr().out
    assert "ThrottlingException" in output
    assert "nothing was delivered to the stream local-logs" in output


@pytest.mark.e2e
def test_archives_variables_region_and_trace(tmp_path, capsys):
    """Code and layers may be zip archives; variables come from a file, --env goes over it."""
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr(
            "app.py",
            "import os\nimport layered\n\n\ndef handler(event, context):\n"
            "    names = ('AA', 'BB', 'AWS_REGION', '_X_AMZN_TRACE_ID')\n"
            "    return [layered.name, *map(os.environ.get, names)]\n",
        )
    with zipfile.ZipFile(tmp_path / "layer.zip", "w") as archive:
        archive.writestr("python/layered.py", "name = 'from a zip'")
    (tmp_path / "variables").write_text("# a comment\nAA=1\nexport BB='2 3'\n")

    status = main(
        [
            str(tmp_path / "code.zip"),
            "app.handler",
            *("--layer", str(tmp_path / "layer.zip"), "--env-file", str(tmp_path / "variables")),
            *("--env", "AA=4", "--region", "eu-north-1", "--trace-id", "Root=1-2-3;Sampled=0"),
        ]
    )

    assert status == 0
    answer = '["from a zip", "4", "2 3", "eu-north-1", "Root=1-2-3;Sampled=0"]'
    assert answer in capsys.readouterr().out


@pytest.mark.e2e
def test_snapstart_and_what_is_missing(tmp_path, capsys, monkeypatch):
    """A snapshot is taken and resumed; a Firehose without botocore is said in one line."""
    folder = write_function(tmp_path / "function", "def handler(event, context):\n    return 7\n")

    assert main([str(folder), "app.handler", "--snap-start", "--timeline"]) == 0

    shown = capsys.readouterr().out
    assert "snapshot taken" in shown
    assert "resumed" in shown

    write_function(tmp_path / "path" / "botocore", "raise ModuleNotFoundError(\"No module named "
                   "'botocore'\")\n", "__init__.py")  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'path'}:{ROOT}")

    assert main([str(folder), "app.handler", "--firehose", str(tmp_path / "out")]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "No module named 'botocore'; run" in error


@pytest.mark.e2e
def test_an_event_is_passed_byte_for_byte(tmp_path, capsys):
    """Spaces, the order of keys and the way numbers are written arrive as they are."""
    program = f"#!{sys.executable} -SE\n" + STUB_RUNTIME.replace(
        "event, identity = json.loads(body)", "raw = body.decode(); event, identity = {}"
    ).replace('"event": event,', '"event": raw,')
    write_script(tmp_path / "function" / "bootstrap", program)
    event = '{"b" : 1.0,  "a": "\\u00e9"}'

    status = main([str(tmp_path / "function"), "x", "--start-up", "bootstrap", "--event", event])

    assert status == 0
    assert json.dumps({"event": event})[:-1] in capsys.readouterr().out


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_function_and_firehose(tmp_path, number):
    """In the middle of an invocation too: nothing is left, and no traceback is shown."""
    source = (
        "import os, time\n\n\ndef handler(event, context):\n"
        "    with open(event, 'w') as file:\n        file.write(str(os.getpid()))\n"
        "    time.sleep(60)\n"
    )
    folder = write_function(tmp_path / "function", source)
    pid_file = tmp_path / "pid"
    options = ["--timeout", "90", "--firehose", str(tmp_path / "out"), "--visible", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "local_lambda", str(folder), "app.handler", *options,
         "--event", json.dumps(str(pid_file))],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        wait_until(lambda: pid_file.exists() and pid_file.read_text(), what="the invocation")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

        process.send_signal(number)
        _, err = process.communicate(timeout=20)

    assert process.returncode == 128 + number
    assert err == ""
    for pid in children:
        wait_until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), what=f"the end of {pid}")


def test_timeline_as_a_page(tmp_path):
    """Every event is a row; what a function wrote is text, never markup."""
    events = [
        TimelineEvent(0.0, "platform", "SIGKILL", "to runtime"),
        TimelineEvent(0.25, "output", "stdout", "<script>"),
    ]

    write_html(events, tmp_path / "page.html")

    page = (tmp_path / "page.html").read_text()
    assert page.count("<tr") == 3
    assert "&lt;script&gt;" in page
    assert '<tr class="platform bad">' in page


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
