"""What deploys is what runs here: the folders that `sam build` wrote, set up by the template."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from local_firehose import DeliveryStream, LocalFirehose
from local_lambda import Function, LocalLambda
from support import cloudformation, versions
from support.e2e_lambda import ROOT
from support.e2e_lines import assert_whole
from support.iam import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, decide, policies_of
from tools import rie
from tools.ports import free_port

SAM = ROOT / ".venv-sam" / "bin" / "sam"
CFN_LINT = Path(sys.executable).with_name("cfn-lint")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not SAM.exists(), reason="no SAM CLI: run `make build`"),
    pytest.mark.conformance(table="What `sam build` writes", columns=["where"]),
]

#: Parameters of the stack: those that are the defaults, and others.
STACKS: dict[str, dict[str, str]] = {
    "defaults": {},
    "others": {"FirehoseStreamName": "other.name", "DenyCloudWatchLogs": "false"},
}
EVENTS: list[dict[str, Any]] = [{"lines": 3}, {"raise": "as asked"}, {"lines": 1}]
#: What one invocation logs besides the lines that are asked for.
USUAL = ["the event as it came", "hello", "running low", "could not read the number", "printed,"]
KEYS = {"access_key": "ASIASAMBUILD00000000", "secret_key": "secret", "session_token": "token"}
LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `sam build` leaves template, layer and function."""
    scratch = tmp_path_factory.mktemp("sam")
    done = subprocess.run(
        [SAM, "build", "--build-dir", scratch / "build", "--cache-dir", scratch / "cache"],
        cwd=ROOT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": cloudformation.REGION},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    return scratch / "build"


class Stack(NamedTuple):
    """What CloudFormation would have made of the built template."""

    properties: dict[str, Any]
    code: Path
    layers: list[Path]
    role: dict[str, Any]
    stream: str
    stream_arn: str

    @property
    def variables(self) -> dict[str, str]:
        """The function's variables."""
        return dict(self.properties["Environment"]["Variables"])


def deploy(built: Path, parameters: dict[str, str]) -> Stack:
    """Follow the function's resource to its role, its layers' folders and the stream."""
    template = built / "template.yaml"
    resources = cloudformation.resolve(parameters, template)["Resources"]
    written = cloudformation.load(template)["Resources"]
    ((name, function),) = (
        (n, r) for n, r in resources.items() if r["Type"] == "AWS::Lambda::Function"
    )
    properties = function["Properties"]
    arns = {}
    for resource in written.values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            layer_name = resource["Properties"]["LayerName"]
            arns[layer_name] = built / resource["Properties"]["ContentUri"]
    (role,) = (
        r["Properties"]
        for n, r in resources.items()
        if r["Type"] == "AWS::IAM::Role" and properties["Role"].endswith(f"role/stack-{n.lower()}")
    )
    stream = resources["FirehoseStream"]["Properties"]["DeliveryStreamName"]
    return Stack(
        properties,
        built / written[name]["Properties"]["CodeUri"],
        [arns[arn.split(":")[-2]] for arn in properties["Layers"]],
        role,
        stream,
        f"arn:aws:firehose:{cloudformation.REGION}:{cloudformation.ACCOUNT}:deliverystream/{stream}",
    )


@contextmanager
def firehose_of(stack: Stack, bucket: Path) -> Iterator[tuple[LocalFirehose, dict[str, str]]]:
    """A Firehose with the stack's stream, and the variables that a machine without AWS adds."""
    with LocalFirehose(
        [DeliveryStream(stack.stream, bucket=bucket)], region=cloudformation.REGION, **KEYS
    ) as firehose:
        # Every service's endpoint, so that a call that nobody expects is seen here, too.
        more = {"AWS_ENDPOINT_URL": firehose.endpoint_url}
        yield firehose, {**more, "HTTP_LOGS_LISTENER_PORT": str(free_port())}


class Run(NamedTuple):
    """What came of it."""

    answers: list[Any]
    lines: list[dict[str, Any]]
    #: (action, resource) of every call that was made to AWS.
    calls: set[tuple[str, str]]


def finished(stack: Stack, firehose: LocalFirehose, answers: list[Any]) -> Run:
    """Read bucket and ledger."""
    firehose.flush()
    arn = stack.stream_arn.rpartition("/")[0]
    assert all(call.signature_ok for call in firehose.ledger.calls)
    calls = {
        (f"firehose:{call.operation}", f"{arn}/{call.stream}") for call in firehose.ledger.calls
    }
    return Run(answers, list(firehose.stream(stack.stream).lines()), calls)


def in_the_local_lambda(stack: Stack, scratch: Path) -> Run:
    """Run the stack's function in the local Lambda."""
    properties = stack.properties
    with firehose_of(stack, scratch / "bucket") as (firehose, more):
        function = Function(
            stack.code,
            properties["Handler"],
            layers=stack.layers,
            environment={**stack.variables, **more},
            timeout=float(properties["Timeout"]),
            memory_mb=properties["MemorySize"],
            region=cloudformation.REGION,
            account_id=cloudformation.ACCOUNT,
            **KEYS,
        )
        with LocalLambda(function) as env:
            answers = []
            for event in EVENTS:
                answers.append(env.invoke(event).payload)
                assert env.wait_idle(20)
            env.shutdown()
        return finished(stack, firehose, answers)


def in_the_emulator(stack: Stack, scratch: Path) -> Run:
    """Run the stack's function in AWS's emulator."""
    if not rie.BINARY.exists():
        pytest.skip("no emulator: run `make rie`")
    (opt,) = stack.layers
    variables = stack.variables
    assert variables.pop("AWS_LAMBDA_EXEC_WRAPPER") == "/opt/firehose_wrapper"
    with firehose_of(stack, scratch / "bucket") as (firehose, more):
        environment = {
            **firehose.environment(),
            **variables,
            **more,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(stack.properties["Timeout"]),
        }
        environment.pop("AWS_ENDPOINT_URL_FIREHOSE", None)
        handler = stack.properties["Handler"]
        with rie.Rie(stack.code, handler, scratch, layer=opt, environment=environment) as env:
            answers = [env.invoke(event).body for event in EVENTS]
            assert env.stop() == 0
        return finished(stack, firehose, answers)


WHERE = {"local Lambda": in_the_local_lambda, "RIE classic": in_the_emulator}


@pytest.mark.rie
@pytest.mark.parametrize("parameters", STACKS)
@pytest.mark.parametrize("where", WHERE)
def test_it_runs_as_built(built: Path, where: str, parameters: str, tmp_path: Path) -> None:
    """Folders, handler and variables as deployed: every line arrives, on the stack's stream."""
    stack = deploy(built, STACKS[parameters])
    run = WHERE[where](stack, tmp_path)
    messages = [str(line["message"]) for line in run.lines if line["type"] == "function"]

    assert [answer.get("lines", answer.get("errorMessage")) for answer in run.answers] == [
        3, "as asked", 1,
    ]  # fmt: skip
    for text in USUAL:
        assert len([message for message in messages if message.startswith(text)]) == 3
    assert len([message for message in messages if message.startswith("line ")]) == 4
    assert messages.count("RuntimeError: as asked") == 1
    assert_whole(run.lines)


@pytest.mark.rie
@pytest.mark.parametrize("parameters", STACKS)
@pytest.mark.parametrize("where", WHERE)
def test_the_role_allows_what_it_calls(
    built: Path, where: str, parameters: str, tmp_path: Path
) -> None:
    """Each call that the run made is allowed by the template's role, and no other is."""
    stack = deploy(built, STACKS[parameters])
    run = WHERE[where](stack, tmp_path)
    policies = policies_of(stack.role)

    assert run.calls == {("firehose:PutRecordBatch", stack.stream_arn)}
    assert {decide(policies, *call) for call in run.calls} == {ALLOWED}
    everything = boto3.client("firehose", region_name="us-east-1").meta.service_model
    for operation in everything.operation_names:
        if operation != "PutRecordBatch":
            assert decide(policies, f"firehose:{operation}", stack.stream_arn) == IMPLICIT_DENY
    for arn in (f"{stack.stream_arn}2", stack.stream_arn.replace("eu-central-1", "us-east-1")):
        assert decide(policies, "firehose:PutRecordBatch", arn) == IMPLICIT_DENY
    groups = f"arn:aws:logs:{cloudformation.REGION}:{cloudformation.ACCOUNT}:log-group"
    logs = f"{groups}:/aws/lambda/stack-SampleFunction:log-stream:x"
    denied = STACKS[parameters].get("DenyCloudWatchLogs") != "false"
    assert {decide(policies, action, logs) for action in LOGS} == {
        EXPLICIT_DENY if denied else ALLOWED
    }
    assert decide(policies, "s3:PutObject", "arn:aws:s3:::stack-logbucket/x") == IMPLICIT_DENY


@pytest.mark.conformance(table="The template that was built", columns=["parameters"])
@pytest.mark.parametrize("parameters", list(STACKS) if versions.WHOLE else ["defaults"])
def test_the_built_template_is_valid(built: Path, parameters: str, tmp_path: Path) -> None:
    """cfn-lint finds nothing in what was built, nor in what the SAM translator makes of it."""
    resolved = cloudformation.resolve(STACKS[parameters], built / "template.yaml")
    deployed = tmp_path / "resolved.json"
    deployed.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", **resolved}))
    for template, ignored in (
        (built / "template.yaml", []),
        # References are written out here, on purpose; that is no more than information (I).
        (deployed, ["--ignore-checks", "I"]),
    ):
        done = subprocess.run(
            [CFN_LINT, *ignored, "--template", template],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
