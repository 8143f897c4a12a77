"""deploy/ for tools other than CloudFormation: each is read, or run, by its own tool."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import cloudformation, versions
from support.iam import ALLOWED, IMPLICIT_DENY, decide
from support.wiring import LAYER
from tools import clients

DEPLOY = cloudformation.TEMPLATE.parent / "deploy"
TERRAFORM = shutil.which("terraform")
#: Pinned: what its constructs write changes with the version.
CDK = ("aws-cdk-lib==2.275.0", "constructs==10.8.1")
WRAPPER = "/opt/firehose_wrapper"


def terraform(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run terraform in a folder; providers come from TF_PLUGIN_DIR where that is set."""
    return subprocess.run(
        [str(TERRAFORM), *words],
        cwd=folder, env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        capture_output=True, text=True, check=False, timeout=55,
    )  # fmt: skip


@pytest.mark.skipif(TERRAFORM is None, reason="terraform is not on this machine")
def test_the_terraform_module_is_formatted() -> None:
    """Written as `terraform fmt` writes it."""
    done = terraform(DEPLOY / "terraform", "fmt", "-check", "-recursive", ".")

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(TERRAFORM is None, reason="terraform is not on this machine")
@pytest.mark.skipif("TF_PLUGIN_DIR" not in os.environ, reason="TF_PLUGIN_DIR names no providers")
@pytest.mark.parametrize("part", [".", "examples/function"])
def test_the_terraform_module_is_valid(part: str, tmp_path: Path) -> None:
    """The AWS provider's own schema knows every block and attribute of module and example."""
    copy = tmp_path / "terraform"
    shutil.copytree(DEPLOY / "terraform", copy)
    plugins = f"-plugin-dir={os.environ['TF_PLUGIN_DIR']}"
    ready = terraform(copy / part, "init", "-backend=false", "-input=false", plugins)
    assert ready.returncode == 0, ready.stderr
    done = json.loads(terraform(copy / part, "validate", "-json").stdout)

    assert (done["valid"], done["diagnostics"]) == (True, [])


def test_the_terraform_module_is_what_the_templates_are() -> None:
    """Names, prefixes, actions and alarms are those of the templates."""
    text = "\n".join(path.read_text() for path in sorted((DEPLOY / "terraform").glob("*.tf")))
    stream = cloudformation.resolve(template=DEPLOY / "stream.yaml")["Resources"]
    target = stream["FirehoseStream"]["Properties"]["ExtendedS3DestinationConfiguration"]
    alarms = cloudformation.resolve(template=DEPLOY / "alarms.yaml")["Resources"].values()

    for expression in re.findall(r"!\{[^}]+\}", target["Prefix"] + target["ErrorOutputPrefix"]):
        assert expression in text
    for action in set(re.findall(r'"((?:s3|firehose|logs|kms):\w+)"', json.dumps(stream))):
        assert f'"{action}"' in text
    for alarm in alarms:
        properties = alarm["Properties"]
        assert re.search(
            rf'"{properties["MetricName"]}".*"{properties["ComparisonOperator"]}"'
            rf".*threshold = {properties['Threshold']} ",
            text,
        )


def test_the_serverless_example_fits_the_other_parts() -> None:
    """It takes layer, stream and policy by the names that the other parts give them."""
    example = yaml.safe_load((DEPLOY / "serverless" / "serverless.yml").read_text())
    provider = example["provider"]
    layer = cloudformation.load(DEPLOY / "layer.yaml")["Parameters"]["ParameterName"]["Default"]
    stream = cloudformation.load(DEPLOY / "stream.yaml")["Parameters"]["FirehoseStreamName"]
    outputs = cloudformation.load(DEPLOY / "policy.yaml")["Outputs"]
    (policy,) = provider["iam"]["role"]["managedPolicies"]

    assert provider["layers"] == [f"${{ssm:{layer}}}"]
    assert provider["environment"]["AWS_LAMBDA_EXEC_WRAPPER"] == WRAPPER
    assert f"'{stream['Default']}'" in provider["environment"]["AWS_KINESIS_STREAM_NAME"]
    assert policy.removeprefix("${cf:firehose-logging-policies.").removesuffix("}") in outputs
    assert provider["logs"]["lambda"] == {"logFormat": "JSON", "systemLogLevel": "WARN"}


# -- CDK ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The resources that `cdk synth` makes of the example app."""
    if not versions.WHOLE:
        pytest.skip("aws-cdk-lib is large: in `make conformance` only")
    if shutil.which("node") is None:
        pytest.skip("CDK needs Node.js")
    folder = cloudformation.TEMPLATE.parent / "build" / "clients"
    packages = clients.packages("cdk", versions.RUNNING, *CDK, folder=folder)
    scratch = tmp_path_factory.mktemp("cdk")
    code = scratch / "function"
    code.mkdir()
    (code / "app.py").write_text("def handler(event, context): ...\n")
    layer = shutil.make_archive(str(scratch / "layer"), "zip", code)
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=DEPLOY / "cdk",
        env={
            "PATH": os.environ["PATH"], "HOME": str(scratch), "PYTHONPATH": str(packages),
            "PYTHONDONTWRITEBYTECODE": "1", "CDK_OUTDIR": str(scratch / "out"),
            "LAYER_ZIP": layer, "FUNCTION": str(code),
        },
        capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    template = json.loads((scratch / "out" / "Orders.template.json").read_text())
    found: dict[str, Any] = template["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The properties of all resources of a type."""
    return [one["Properties"] for one in resources.values() if one["Type"] == kind]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.conformance(table="Other tools", columns=["CDK"])
def test_the_cdk_construct_is_what_the_templates_are(synthesised: dict[str, Any]) -> None:
    """Stream, prefixes, alarms and variables are those of stream.yaml and function.yaml."""
    (stream,) = of_type(synthesised, "AWS::KinesisFirehose::DeliveryStream")
    (function,) = of_type(synthesised, "AWS::Lambda::Function")
    target = stream["ExtendedS3DestinationConfiguration"]
    wanted = cloudformation.resolve(template=DEPLOY / "stream.yaml")["Resources"]
    template = wanted["FirehoseStream"]["Properties"]["ExtendedS3DestinationConfiguration"]

    for name in ("Prefix", "ErrorOutputPrefix", "CompressionFormat", "BufferingHints"):
        assert target[name] == template[name]
    assert (
        stream["DeliveryStreamName"] == wanted["FirehoseStream"]["Properties"]["DeliveryStreamName"]
    )
    assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == WRAPPER
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "SystemLogLevel": "WARN"}
    assert len(of_type(synthesised, "AWS::CloudWatch::Alarm")) == 3


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.conformance(table="Other tools", columns=["CDK"])
def test_the_cdk_construct_allows_what_is_called(synthesised: dict[str, Any]) -> None:
    """The function may put records on the stream, and nothing else with Firehose."""
    statements = [
        {**statement, "Resource": "stream"}
        for policy in of_type(synthesised, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if "firehose:" in json.dumps(statement["Action"])
    ]
    policies = [{"Statement": statements}]

    assert decide(policies, "firehose:PutRecordBatch", "stream") == ALLOWED
    assert decide(policies, "firehose:DeleteDeliveryStream", "stream") == IMPLICIT_DENY


# -- Serverless Framework ---------------------------------------------------------------------

#: The last one that runs without an account; it does not know the log format, which came with 4.
SERVERLESS = "3.40.0"
ARN = "arn:aws:iam::123456789012:policy/send"


def serverless() -> Path:
    """The framework's command, from npm; or a skip with its reason."""
    if not versions.WHOLE:
        pytest.skip("the Serverless Framework is large: in `make conformance` only")
    if shutil.which("npm") is None:
        pytest.skip("the Serverless Framework needs Node.js and npm")
    folder = cloudformation.TEMPLATE.parent / "build" / "clients" / f"serverless-{SERVERLESS}"
    command = folder / "node_modules" / ".bin" / "serverless"
    if not command.exists():
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder),
             f"serverless@{SERVERLESS}"],
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm: {done.stderr.strip()[-200:]}")
    return command


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.conformance(table="Other tools", columns=["Serverless Framework 3"])
def test_the_serverless_example_is_packaged(tmp_path: Path) -> None:
    """The framework takes the file, strictly; its function is wired, and its role may send."""
    command = serverless()
    example = yaml.safe_load((DEPLOY / "serverless" / "serverless.yml").read_text())
    provider = example["provider"]
    provider |= {"layers": [LAYER], "runtime": "python3.11"}  # what another stack has; what 3 knows
    provider["iam"]["role"]["managedPolicies"] = [ARN]
    del provider["logs"]
    example["configValidationMode"] = "error"
    (tmp_path / "serverless.yml").write_text(yaml.safe_dump(example))
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    done = subprocess.run(
        [str(command), "package", "--region", cloudformation.REGION],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "SLS_TELEMETRY_DISABLED": "1",
            "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
        },
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads(
        (tmp_path / ".serverless" / "cloudformation-template-update-stack.json").read_text()
    )["Resources"]
    (function,) = of_type(made, "AWS::Lambda::Function")
    (role,) = of_type(made, "AWS::IAM::Role")

    assert function["Environment"]["Variables"] == {
        "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
        "AWS_KINESIS_STREAM_NAME": "lambda-logs-direct-s3-no-cloudwatch",
        "FIREHOSE_LOGGING_PASSTHROUGH": "undelivered",
    }
    assert function["Layers"] == [LAYER]
    assert role["ManagedPolicyArns"] == [ARN]
    assert "logs:PutLogEvents" in json.dumps(role["Policies"])  # the safety net
