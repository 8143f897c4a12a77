"""A platform engineer's first week: three functions in two stacks onto one stream, with alarms.

Nothing but deploy/ is used, in the order of its page, and nothing needs an account: cfn-lint reads
each stack, SAM's translator makes it what CloudFormation gets, IAM's rule decides the calls, and
the functions run on the local Lambda with the variables that their stacks give them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from firehose_logging._cli.__main__ import main as command_line
from local_firehose import DeliveryStream, LocalFirehose
from local_lambda import Function
from support import cloudformation
from support.e2e_lambda import deployed
from support.iam import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, decide, policies_of
from support.wiring import (
    DEPLOY,
    STREAM,
    STREAM_NAME,
    assert_wired,
    exports,
    functions,
    without_findings,
)  # fmt: skip

STACKS = {"shop": ["orders", "bills"], "mail": ["letters"]}
NAMES = [name for names in STACKS.values() for name in names]
PARTS = ("layer.yaml", "stream.yaml", "policy.yaml", "table.yaml", "alarms.yaml")


def stack_of(names: list[str], folder: Path) -> Path:
    """A template with functions of one's own, and the marked lines of function.yaml in each."""
    text = (DEPLOY / "function.yaml").read_text()
    head, functions_part = text.split("Resources:\n")
    lines = functions_part.splitlines(keepends=True)
    mark = next(at for at, line in enumerate(lines) if "what sends its logs" in line)
    own = [line for line in lines[:mark] if "CodeUri" not in line and "#" not in line]
    body = ""
    for name in names:
        mine = "".join(own).replace("  Function:\n", f"  {name.capitalize()}:\n")
        mine += f"      CodeUri: ./{name}\n      FunctionName: {name}\n"
        body += mine + "".join(lines[mark:])
        (folder / name).mkdir()
    path = folder / "template.yaml"
    path.write_text(f"{head}Resources:\n{body}")
    return path


@pytest.fixture
def stacks(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Everything as deployed: the parts and the two stacks, by name."""
    made = {
        part: cloudformation.resolve(parameters, DEPLOY / part)["Resources"]
        for part, parameters in {
            "layer.yaml": {"ZipBucket": "zips", "ZipKey": "layer.zip"},
            "stream.yaml": {},
            "policy.yaml": {},
            "table.yaml": {"BucketName": "stack-logbucket", "TableMetrics": "true"},
            "alarms.yaml": {
                "AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:on-call",
                "Functions": " OR ".join(f"FunctionName = '{name}'" for name in NAMES),
            },
        }.items()
    }
    layer = made["layer.yaml"]["LayerArn"]["Properties"]
    for name, names in STACKS.items():
        folder = tmp_path / name
        folder.mkdir()
        template = stack_of(names, folder)
        without_findings(template)
        parameter = cloudformation.load(template)["Parameters"]["LayerArn"]
        assert parameter["Default"] == layer["Name"]  # SSM gives what the layer's stack put there
        made[name] = cloudformation.resolve({"LayerArn": layer["Value"]}, template)["Resources"]
    return made


@pytest.mark.parametrize("part", sorted(path.name for path in DEPLOY.glob("*.yaml")))
def test_cfn_lint_says_nothing(part: str) -> None:
    """Each part passes on its own."""
    without_findings(DEPLOY / part)


def test_the_page_names_every_part_in_order() -> None:
    """The commands of deploy/README.md deploy the parts that others need first."""
    page = (DEPLOY / "README.md").read_text()

    assert re.findall(r"--template-file deploy/(\S+)", page) == list(PARTS)


def test_each_function_may_send_and_no_more(stacks: dict[str, dict[str, Any]]) -> None:
    """Three functions, three roles, one policy that two stacks import."""
    imported = exports("policy.yaml", "firehose-logging-policies")
    wired = [name for stack in STACKS for name in assert_wired(stacks[stack], imported)]

    assert sorted(wired) == sorted(name.capitalize() for name in NAMES)


def test_all_write_to_the_one_stream_that_is_there(stacks: dict[str, dict[str, Any]]) -> None:
    """The name in every variable, policy and alarm is the name of the stream that is made."""
    stream = stacks["stream.yaml"]["FirehoseStream"]["Properties"]
    role = policies_of(stacks["stream.yaml"]["FirehoseDeliveryRole"]["Properties"])

    assert stream["DeliveryStreamName"] == STREAM_NAME
    bucket = stream["ExtendedS3DestinationConfiguration"]["BucketARN"]
    prefix = stream["ExtendedS3DestinationConfiguration"]["Prefix"].partition("!")[0]
    assert decide(role, "s3:PutObject", f"{bucket}/{prefix}2026/11/28/12/object") == ALLOWED
    assert decide(role, "s3:DeleteObject", f"{bucket}/{prefix}x") == IMPLICIT_DENY
    for alarm in stacks["alarms.yaml"].values():
        properties = alarm["Properties"]
        dimensions = properties.get("Dimensions") or next(
            one["MetricStat"]["Metric"]["Dimensions"]
            for one in properties["Metrics"]
            if "MetricStat" in one
        )
        assert dimensions == [{"Name": "DeliveryStreamName", "Value": STREAM_NAME}]
        assert properties["AlarmActions"] == ["arn:aws:sns:eu-central-1:123456789012:on-call"]


def test_the_table_reads_where_the_stream_writes(stacks: dict[str, dict[str, Any]]) -> None:
    """With the names that the stream's stack gives, hour by hour, without a setting more."""
    target = stacks["stream.yaml"]["FirehoseStream"]["Properties"][
        "ExtendedS3DestinationConfiguration"
    ]
    lines = stacks["table.yaml"]["LinesTable"]["Properties"]["TableInput"]["Parameters"]
    hour = target["Prefix"].replace("!{timestamp:yyyy/MM/dd/HH}", "${hour}")
    bucket = target["BucketARN"].rpartition(":")[2]

    assert lines["storage.location.template"] == f"s3://{bucket}/{hour}"


def test_silence_of_any_of_them_is_watched(stacks: dict[str, dict[str, Any]]) -> None:
    """The alarm's query counts the invocations of all three."""
    metrics = stacks["alarms.yaml"]["SilentAlarm"]["Properties"]["Metrics"]
    (query,) = [one["Expression"] for one in metrics if one["Id"] == "invocations"]

    assert re.findall(r"FunctionName = '(\w+)'", query) == NAMES


def test_stage_deny_is_one_policy_more(stacks: dict[str, dict[str, Any]]) -> None:
    """With NoCloudWatchPolicy on a role its log group is denied, and the stream is not."""
    imported = exports("policy.yaml", "firehose-logging-policies")
    deny = imported["firehose-logging-policies-NoCloudWatchPolicyArn"]["Properties"]
    group = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/orders:log-stream:x"
    for one, policies in functions(stacks["shop"], imported).values():
        denied = [*policies, deny["PolicyDocument"]]

        assert one["Role"]
        assert decide(denied, "logs:PutLogEvents", group) == EXPLICIT_DENY
        assert decide(denied, "firehose:PutRecordBatch", STREAM) == ALLOWED


@pytest.mark.e2e
def test_their_lines_are_in_one_bucket(
    stacks: dict[str, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run with the variables of their stacks: every function's lines arrive, none is missing."""
    bucket = tmp_path / "bucket"
    account = Function(tmp_path, "app.handler")  # its keys and region are those of every function
    keys = {
        name: getattr(account, name)
        for name in ("region", "access_key", "secret_key", "session_token")
    }
    imported = exports("policy.yaml", "firehose-logging-policies")
    with LocalFirehose([DeliveryStream(STREAM_NAME, bucket=bucket)], **keys) as firehose:
        for stack in STACKS:
            for function, _ in functions(stacks[stack], imported).values():
                variables = function["Environment"]["Variables"]
                with deployed(
                    "scripted", variables, firehose=firehose, name=function["FunctionName"]
                ) as run:
                    run.do(("log", "INFO", "said"), ("print", "printed"))
                    run.shutdown()
        firehose.flush()

    said = "FROM logs WHERE message IN ('said', 'printed')"
    sql = f"SELECT functionName, count(*) AS lines {said} GROUP BY 1"
    assert command_line(["query", sql, "--from", str(bucket), "--format", "json"]) == 0
    out = capsys.readouterr().out
    assert dict.fromkeys(NAMES, 2) == {
        one["functionName"]: one["lines"] for one in map(yaml.safe_load, out.splitlines())
    }
    assert command_line(["verify", "--from", str(bucket)]) == 0
