"""docs/moving-from.md, run: what was before, what comes after, the same lines in both."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
import yaml

from firehose_logging._cli.__main__ import main as command_line
from local_firehose import DeliveryStream, Fault, LocalFirehose
from support import cloudformation, versions
from support.athena_server import run
from support.e2e_lambda import STREAM, deployed
from support.pages import ROOT, Block, blocks
from support.recipes import code, deployment
from support.servers import serving
from support.stage import CHILD_DEADLINE, child_environment
from support.wiring import DEPLOY, LAYER, assert_wired, exports
from tools import clients
from tools.libraries import REQUIREMENTS

PAGE = "docs/moving-from.md"
SAID = ("taken", "priced", "sent")


def of(language: str) -> list[str]:
    """The page's blocks in a language."""
    return [block.text for block in blocks(language) if block.page == PAGE]


def arrived(folder: Path, texts: list[str]) -> Path:
    """A folder with an object of these lines, as a stream wrote it."""
    hour = folder / "firehose" / "2026/11/29/01"
    hour.mkdir(parents=True)
    (hour / "object").write_text("".join(text + "\n" for text in texts))
    return folder


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a function with our layer sent, as it is stored."""
    with deployed("scripted") as function:
        function.do(*(("log", "INFO", text) for text in SAID))
        function.shutdown()
        lines = [json.dumps(line) for line in function.lines]
    return arrived(tmp_path_factory.mktemp("ours"), lines)


#: What was stored before: the Go sample's array of events; the envelope of a subscription filter.
BEFORE = {
    "the Go sample": json.dumps(
        [{"time": "2026-11-29T01:00:00.000Z", "type": "platform.start", "record": {}}]
        + [
            {"time": "2026-11-29T01:00:00.001Z", "type": "function", "record": text}
            for text in SAID
        ]
    ),
    "a subscription filter": json.dumps(
        {
            "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "orders",
            "logStream": "x", "subscriptionFilters": ["all"],
            "logEvents": [
                {"id": str(at), "timestamp": 1, "message": text} for at, text in enumerate(SAID)
            ],
        }
    ),
}  # fmt: skip


@pytest.mark.e2e
@pytest.mark.parametrize("source", BEFORE)
def test_the_queries_find_the_same(source: str, ours: Path, tmp_path: Path) -> None:
    """The query of before over what was stored before, that of after over what is stored now."""
    at = 2 * list(BEFORE).index(source)
    before, after = of("sql")[at : at + 2]
    was = run(before, arrived(tmp_path, [BEFORE[source]]))
    now = run(after, ours)

    assert was[0] == now[0] == ["message"]
    assert sorted(was[1]) == sorted(now[1]) == sorted((text,) for text in SAID)


# -- subscription filters ---------------------------------------------------------------------


def lint(properties: dict[str, Any], kind: str = "AWS::Serverless::Function") -> list[Any]:
    """What cfn-lint says of one resource."""
    from cfnlint.api import lint_all

    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"It": {"Type": kind, "Properties": properties}},
    }
    text = yaml.safe_dump(template).replace("REGION:ACCOUNT", "eu-central-1:123456789012")
    found = lint_all(text.replace("ACCOUNT:", "123456789012:"))
    return [match for match in found if not match.rule.id.startswith("I")]


def test_the_filters_blocks_are_what_cloudformation_takes() -> None:
    """Before and after, by its own schema; after is what the functions of deploy/ have."""
    before, after, *_ = map(yaml.safe_load, of("yaml"))
    function = {"Runtime": "python3.13", "Handler": "app.handler", "CodeUri": "./src", **after}
    imported = exports("policy.yaml", "firehose-logging-policies")
    made = cloudformation.resolve({"LayerArn": LAYER}, DEPLOY / "function.yaml")["Resources"]
    (properties,) = [
        one["Properties"] for one in made.values() if one["Type"] == "AWS::Lambda::Function"
    ]

    assert lint(before["Properties"], before["Type"]) == []
    assert lint(function) == []
    assert assert_wired(made, imported)
    assert after["Environment"] == properties["Environment"]


@pytest.mark.e2e
def test_a_stream_for_cloudwatch_refuses_us_and_nothing_is_lost() -> None:
    """As the page says: lines go to the safety net, with its variables, and the reason is told."""
    variables = yaml.safe_load(of("yaml")[1])["Environment"]["Variables"]
    passthrough = variables["FIREHOSE_LOGGING_PASSTHROUGH"]
    with deployed("scripted", {"FIREHOSE_LOGGING_PASSTHROUGH": passthrough}) as function:
        function.firehose.faults.set(Fault.invalid_source())
        function.do(*(("log", "INFO", text) for text in SAID))
        function.shutdown()
        output = "\n".join(text for texts in function.output.values() for text in texts)

    assert [text for text in SAID if f'"message":"{text}"' not in output] == []
    assert "InvalidSourceException" in output


@pytest.mark.parametrize("enabled", [True, False])
def test_the_doctor_tells_of_such_a_stream(
    enabled: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A template whose stream unpacks what CloudWatch sends, before and after."""
    template = cloudformation.TEMPLATE.read_text()
    steps = (
        "        ProcessingConfiguration:\n          Enabled: "
        f"{str(enabled).lower()}\n          Processors:\n            - Type: Decompression\n"
    )
    mark = "        # Firehose's own errors, a line for each"
    assert mark in template
    path = tmp_path / "template.yaml"
    path.write_text(template.replace(mark, steps + mark))
    status = command_line(["doctor", "--template", str(path)])

    assert ("InvalidSourceException" in capsys.readouterr().out) == enabled
    assert bool(status) == enabled


# -- OpenTelemetry, Powertools ----------------------------------------------------------------


def test_the_collector_loses_its_logs_alone() -> None:
    """What is taken out is the pipeline of logs, and nothing else."""
    before, after = map(yaml.safe_load, of("yaml")[2:])
    del before["service"]["pipelines"]["logs"]

    assert after == before


@pytest.mark.e2e
@pytest.mark.timeout(240)  # a first installation
def test_powertools_need_not_change(tmp_path: Path) -> None:
    """The same function bare and with us: the same answers, and each key printed is a column."""
    handler, variables = deployment("powertools")
    environment = {
        name: value
        for name, value in variables.items()
        if name not in ("AWS_LAMBDA_EXEC_WRAPPER", "AWS_KINESIS_STREAM_NAME")
    }
    folder = code("powertools", tmp_path)
    events = [{"order": 1, "items": 4}, {"order": 2, "items": 0}]
    answers, printed, lines = [], [], []
    for with_layer in (False, True):
        with deployed(
            folder, environment, handler=handler, copy_code=False, with_layer=with_layer
        ) as function:
            answers.append([function.invoke(event).payload for event in events])
            function.shutdown()
            if with_layer:
                lines = [line for line in function.lines if "order" in line]
            else:
                printed = [
                    one
                    for event in function.env.output
                    if event.text.startswith("{") and "order" in (one := json.loads(event.text))
                ]  # fmt: skip

    assert answers[0] == answers[1]
    assert len(printed) == len(lines) == len(events) + 1
    for was, now in zip(printed, lines, strict=True):
        assert (was["level"], was["message"]) == (now["level"], now["message"])
        assert was["order"] == now["order"]
        # Its names for what every line of ours has, and its own text of the stack.
        ours_ = {
            "exception": "stackTrace",
            "exception_name": "errorType",
            "stack_trace": "stackTrace",
        }
        assert {ours_.get(key, key) for key in was} <= set(now)


# -- watchtower -------------------------------------------------------------------------------


class Logs(BaseHTTPRequestHandler):
    """CloudWatch Logs, as far as watchtower asks it."""

    said: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.said += [event["message"] for event in body.get("logEvents", ())]
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def cloudwatch_logs() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the messages that come."""
    Logs.said = []
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Logs)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}", Logs.said


_SAY = "\nlog = logging.getLogger('shop')\n" + "".join(
    f"log.info({text!r}, extra={{'order': {number}}})\n" for number, text in enumerate(SAID)
)


def python(text: str, folder: Path, **variables: str) -> None:
    """Run a program to its end, where it delivers what is left."""
    done = subprocess.run(
        [sys.executable, "-c", text + _SAY],
        cwd=folder, env=child_environment(TMPDIR=str(folder), **variables),
        capture_output=True, text=True, check=False, timeout=CHILD_DEADLINE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.e2e
@pytest.mark.timeout(240)  # a first installation
def test_watchtowers_configuration_becomes_ours(tmp_path: Path) -> None:
    """The same program with either configuration sends the same; its extras are columns then."""
    before, after = of("python")
    try:
        packages = clients.packages(
            f"watchtower-{versions.RUNNING}", versions.RUNNING,
            "--no-deps", *REQUIREMENTS["watchtower"],
            folder=ROOT / "build" / "packages",
        )  # fmt: skip
    except clients.UnavailableError as error:
        pytest.skip(str(error))
    with cloudwatch_logs() as (url, said):
        keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
        python(
            before, tmp_path, AWS_ENDPOINT_URL=url, AWS_DEFAULT_REGION="eu-central-1",
            PYTHONPATH=os.pathsep.join((str(ROOT), str(packages))), **keys,
        )  # fmt: skip
    with LocalFirehose([DeliveryStream("my-delivery-stream", tmp_path / "bucket")]) as firehose:
        python(after, tmp_path, PYTHONPATH=str(ROOT), **firehose.environment())
        firehose.flush()
        lines = list(firehose.stream("my-delivery-stream").lines())

    assert said == [line["message"] for line in lines] == list(SAID)
    assert [line["order"] for line in lines] == list(range(len(SAID)))


# -- agents on hosts --------------------------------------------------------------------------


@pytest.mark.e2e
def test_an_agent_may_write_to_the_same_stream(
    ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its JSON and our lines are found by one query; `verify` tells them apart."""
    lines = (ours / "firehose/2026/11/29/01/object").read_bytes()
    agents = [b'{"log":"from Fluent Bit"}\n', b'{"message":"from the agent"}\n']
    with LocalFirehose([DeliveryStream(STREAM, bucket=tmp_path)]) as firehose:
        keys = firehose.environment()
        client = boto3.client(
            "firehose", endpoint_url=firehose.endpoint_url, region_name=keys["AWS_REGION"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
        )  # fmt: skip
        for data in (agents[0], lines, agents[1]):
            client.put_record(DeliveryStreamName=STREAM, Record={"Data": data})
        firehose.flush()
    found = {message for (message,) in run(of("sql")[-1], tmp_path)[1]}
    capsys.readouterr()

    assert {*SAID, "from Fluent Bit", "from the agent"} <= found
    assert command_line(["verify", "--from", str(tmp_path)]) == 0
    assert command_line(["verify", "--strict", "--from", str(tmp_path)]) == 1


# -- the page ---------------------------------------------------------------------------------


def test_every_block_of_the_page_is_run_here() -> None:
    """As many blocks as the tests above take, in their order."""
    found: list[Block] = [block for block in blocks() if block.page == PAGE]
    counts = {kind: len(of(kind)) for kind in ("sql", "yaml", "python")}

    assert counts == {"sql": 2 * len(BEFORE) + 1, "yaml": 4, "python": 2}
    assert len(found) == sum(counts.values())
    assert re.search(r"tests/docs/test_moving_from\.py", (ROOT / PAGE).read_text())
