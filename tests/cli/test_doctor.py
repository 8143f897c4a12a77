"""What is wrong with a function before it runs: from files, a template, and AWS's answers."""

# A mistake a line reads best, however long.
# ruff: noqa: E501
from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from firehose_logging._cli import checks, facts_aws, policies
from firehose_logging._cli.facts import Facts, Layer, Stream

ROOT = Path(__file__).resolve().parents[2]
SOUND = {"AWS_KINESIS_STREAM_NAME": "logs", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose_wrapper"}
PUT = {
    "Effect": "Allow",
    "Action": "firehose:PutRecordBatch",
    "Resource": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs",
}
LOGS = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
LAYER = Layer("firehose-logging", ["python3.13"], ["arm64"])


def facts(more=None, **values):
    """A sound function, with something changed."""
    sound = {
        "layers": [LAYER], "runtime": "python3.13", "architecture": "arm64", "region": "eu-west-1",
        "statements": [PUT, LOGS], "stream": Stream("logs", "GZIP", False), "log_format": "JSON",
    }  # fmt: skip
    return Facts("shop", {**SOUND, **(more or {})}, **{**sound, **values})


def test_a_sound_function():
    """Nothing to say."""
    assert checks.examine(facts(), load=100_000) == []


WRONG = {
    "misspelt": (facts({"FIREHOSE_LOGGING_FLUHS": "end"}), "error", "FIREHOSE_LOGGING_FLUSH"),
    "wrong value": (facts({"FIREHOSE_LOGGING_FLUSH": "never"}), "error", "adaptive"),
    "no stream": (facts({"AWS_KINESIS_STREAM_NAME": ""}), "error", "nothing is sent"),
    "misspelt stream": (
        Facts("shop", {"AWS_KINESIS_STREAM": "logs"}), "error", "name it AWS_KINESIS_STREAM_NAME",
    ),
    "an ARN": (facts({"AWS_KINESIS_STREAM_NAME": "arn:aws:x/y"}), "error", "AWS_KINESIS_STREAM_NAME"),
    "no such stream": (facts(stream=Stream("logs", exists=False)), "error", "no stream logs in eu-west-1"),
    "another region": (
        facts({"AWS_ENDPOINT_URL_FIREHOSE": "https://firehose.us-east-1.amazonaws.com"}), "warning", "us-east-1",
    ),
    "no permission": (facts(statements=[LOGS]), "error", "firehose:PutRecordBatch is not allowed"),
    "denied": (facts(statements=[PUT, LOGS, {**PUT, "Effect": "Deny"}]), "error", "denied by a statement"),
    "too wide": (
        facts(statements=[LOGS, {"Effect": "Allow", "Action": "firehose:*", "Resource": "*"}]),
        "warning", "firehose:* on *",
    ),
    "wrapper path": (facts({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose-wrapper"}), "error", "/opt/firehose_wrapper"),
    "no wrapper": (facts({"AWS_LAMBDA_EXEC_WRAPPER": ""}), "warning", "install()"),
    "two wrappers": (facts({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"}), "error", "Datadog"),
    "no layer": (facts(layers=[]), "error", "layer is not there"),
    "architecture": (facts(architecture="x86_64"), "error", "is for arm64"),
    "bytecode": (facts(runtime="python3.12"), "warning", "no bytecode for python3.12"),
    "old Python": (facts(runtime="python3.9"), "error", "too old"),
    "no Python": (facts(runtime="nodejs22.x"), "error", "no Python"),
    "twice": (facts({"FIREHOSE_LOGGING_COMPRESSION": "gzip"}), "error", "compressed twice"),
    "converted": (
        facts({"FIREHOSE_LOGGING_COMPRESSION": "gzip", "FIREHOSE_LOGGING_SCHEMA": "fixed"},
              stream=Stream("logs", "UNCOMPRESSED", True)),
        "error", "cannot read compressed",
    ),
    "open columns": (facts(stream=Stream("logs", "UNCOMPRESSED", True)), "error", "SCHEMA=fixed"),
    "a Datadog layer": (facts(layers=[LAYER, Layer("Datadog-Python313")]), "warning", "Datadog"),
    "an OpenTelemetry variable": (facts({"OTEL_SERVICE_NAME": "x"}), "warning", "OpenTelemetry"),
    "the adapter": (facts({"AWS_LWA_PORT": "80"}), "warning", "middleware"),
    "metrics": (
        facts({"POWERTOOLS_METRICS_NAMESPACE": "x"}, statements=[PUT]), "warning", "metric lines",
    ),
    "undelivered": (
        facts({"FIREHOSE_LOGGING_PASSTHROUGH": "undelivered"}, statements=[PUT]), "error", "go nowhere",
    ),
    "text format": (
        facts({"FIREHOSE_LOGGING_PASSTHROUGH": "undelivered"}, log_format="Text"), "warning", "LogFormat JSON",
    ),
    "VPC": (facts(vpc=True, endpoint=False), "warning", "kinesis-firehose"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name):
    """Each mistake, its level, and words that help."""
    wrong, level, word = WRONG[name]
    found = checks.examine(wrong)

    assert [
        each
        for each in found
        if each.level == level and word in f"{each.what} {each.where} {each.remedy}"
    ]
    assert all(each.what and each.where and each.remedy for each in found)


def test_load_against_the_quota():
    """5 MiB a second in three regions, 1 elsewhere."""
    elsewhere = facts(region="eu-central-1", statements=None)

    assert checks.examine(facts(), load=3_000_000) == []
    assert [each.level for each in checks.examine(facts(), load=4_000_000)] == ["warning"]
    assert [each.level for each in checks.examine(elsewhere, load=2_000_000)] == ["error"]


def test_policies():
    """Deny before Allow, wildcards, NotAction, and conditions that only a deployment can judge."""
    arn = PUT["Resource"]
    ask = "firehose:PutRecordBatch"

    assert policies.decide([PUT], ask, arn) == policies.ALLOWED
    assert policies.decide([{**PUT, "Action": ["Firehose:Put*"]}], ask, arn) == policies.ALLOWED
    assert policies.decide([{**PUT, "Resource": arn + "2"}], ask, arn) == policies.NOT_ALLOWED
    assert (
        policies.decide([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], ask, arn)
        == policies.ALLOWED
    )
    assert policies.decide([{**PUT, "Condition": {"Bool": {}}}], ask, arn) == policies.UNKNOWN
    assert (
        policies.decide([PUT, {"Effect": "Deny", "Action": "*", "Resource": "*"}], ask, arn)
        == policies.DENIED
    )


def test_env_file(tmp_path, command):
    """Quotes, comments and exports; a line of its own for each finding; the exit status."""
    file = tmp_path / "prod.env"
    file.write_text("# prod\nexport AWS_KINESIS_STREAM_NAME='logs'\nFIREHOSE_LOGGING_FLUHS=end\n\n")
    ran = command("doctor", "--env-file", file)

    assert ran.status == 1
    assert "FIREHOSE_LOGGING_FLUSH" in ran.out.splitlines()[0]
    found = [
        json.loads(line)
        for line in command("doctor", "--env-file", file, "--json").out.splitlines()
    ]
    assert [each["level"] for each in found] == ["error", "warning"]
    file.write_text("\n".join(f"{name}={value}" for name, value in SOUND.items()))
    assert command("doctor", "--env-file", file).status == 0
    file.write_text("nonsense")
    assert "prod.env:1" in command("doctor", "--env-file", file).err


def test_the_projects_own_template_is_sound(command):
    """With its defaults."""
    ran = command("doctor", "--template", ROOT / "template.yaml")

    assert (ran.status, ran.err) == (0, "")
    assert "1 function looked at: 0 errors, 0 warnings" in ran.out


def test_template(tmp_path, command):
    """Globals, references, a role and a stream of the same template."""
    text = (ROOT / "template.yaml").read_text()
    wrong = text.replace("firehose:PutRecordBatch", "firehose:PutRecord").replace(
        "AWS_LAMBDA_EXEC_WRAPPER: /opt/firehose_wrapper",
        "AWS_LAMBDA_EXEC_WRAPPER: /opt/firehose_wrapper\n          FIREHOSE_LOGGING_COMPRESSION: gzip",
    )
    (tmp_path / "t.yaml").write_text(wrong)
    out = command("doctor", "--template", tmp_path / "t.yaml").out

    assert "firehose:PutRecordBatch is not allowed" in out
    assert "compressed twice" in out
    assert "no function Other; it has SampleFunction" in command(
        "doctor", "--template", tmp_path / "t.yaml", "--function", "Other"
    ).err  # fmt: skip


def test_a_managed_policy_from_elsewhere(command):
    """What it allows is not in the template: a note, no error."""
    ran = command("doctor", "--template", ROOT / "deploy" / "function.yaml")

    assert ran.status == 0
    assert "depends on" in ran.out


def test_input_is_needed(command):
    """One of three."""
    assert command("doctor").status == 2


class MissingError(Exception):
    """Firehose's answer for an unknown stream."""


def clients_of(**answers):
    """Clients that give these answers; an exception is raised."""

    def call(answer):
        def ask(**arguments):
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    def client(service):
        methods = {name: call(answer) for name, answer in answers.items()}
        pages = lambda name: SimpleNamespace(paginate=lambda **_: [methods[name]()])  # noqa: E731
        errors = SimpleNamespace(ResourceNotFoundException=MissingError)
        return SimpleNamespace(**methods, get_paginator=pages, exceptions=errors)

    return client


FUNCTION = {
    "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shop",
    "Role": "arn:aws:iam::123456789012:role/shop",
    "Environment": {"Variables": SOUND},
    "Runtime": "python3.13",
    "Architectures": ["arm64"],
    "Layers": [{"Arn": "arn:aws:lambda:eu-west-1:123456789012:layer:firehose-logging:3"}],
    "VpcConfig": {"VpcId": "vpc-1"},
}


def test_a_deployed_function():
    """Variables, layers, role, stream and network, as the APIs give them."""
    found = facts_aws.from_function(
        "shop",
        clients_of(
            get_function_configuration=FUNCTION,
            get_layer_version_by_arn={
                "CompatibleRuntimes": ["python3.13"],
                "CompatibleArchitectures": ["arm64"],
            },
            list_role_policies={"PolicyNames": ["put"]},
            get_role_policy={"PolicyDocument": {"Statement": PUT}},
            list_attached_role_policies={"AttachedPolicies": []},
            describe_delivery_stream=MissingError(),
            describe_vpc_endpoints={"VpcEndpoints": [{}]},
        ),
    )

    assert (found.region, found.vpc, found.endpoint, found.notes) == ("eu-west-1", True, True, [])
    assert found.statements == [PUT]
    assert found.stream == Stream("logs", exists=False)
    assert [each.what for each in checks.examine(found)] == ["there is no stream logs in eu-west-1"]


def test_what_may_not_be_read_is_a_note():
    """The other checks are made all the same."""
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Any")
    found = facts_aws.from_function(
        "shop",
        clients_of(
            get_function_configuration=FUNCTION,
            get_layer_version_by_arn=denied,
            list_role_policies=denied,
            get_role_policy=denied,
            list_attached_role_policies=denied,
            describe_delivery_stream=denied,
            describe_vpc_endpoints={"VpcEndpoints": []},
        ),
    )

    assert (found.statements, found.stream) == (None, None)
    levels = {each.level for each in checks.examine(found)}
    assert levels == {"warning", "note"}
