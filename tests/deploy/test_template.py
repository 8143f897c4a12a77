"""template.yaml: what it deploys, and what that may do."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest

from support import cloudformation

STREAM = (
    "arn:aws:firehose:eu-central-1:123456789012:deliverystream/lambda-logs-direct-s3-no-cloudwatch"
)
BUCKET = "arn:aws:s3:::stack-logbucket"
LOG_GROUPS = "arn:aws:logs:eu-central-1:123456789012:log-group"
CLOUDWATCH = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    """The template's parameters."""
    return cloudformation.load()["Parameters"]


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    """The resources, deployed with the defaults."""
    return cloudformation.resolve()["Resources"]


def only(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    """The properties of the one resource of a type."""
    (found,) = [resource for resource in resources.values() if resource["Type"] == kind]
    return found["Properties"]


def as_list(value: Any) -> list[Any]:
    """IAM takes one or a list of most things."""
    return value if isinstance(value, list) else [value]


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """All statements of a role's inline policies."""
    policies = role["Properties"].get("Policies", [])
    return [one for policy in policies for one in as_list(policy["PolicyDocument"]["Statement"])]


def decision(role: dict[str, Any], action: str, resource: str) -> str:
    """What IAM decides: an explicit Deny wins, nothing said is an implicit one."""
    effects = {
        one["Effect"]
        for one in statements(role)
        if any(fnmatchcase(action, pattern) for pattern in as_list(one["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in as_list(one["Resource"]))
    }
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else "implicit deny"


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("FirehoseStreamName", "lambda-logs-direct-s3-no-cloudwatch"),
        ("FirehoseS3Prefix", "firehose/"),
        ("FirehoseCompressionFormat", "GZIP"),
        ("FirehoseBufferingInterval", 60),
        ("FirehoseBufferingSize", 10),
        ("DenyCloudWatchLogs", "true"),
    ],
)
def test_parameters_have_their_defaults(
    parameters: dict[str, Any], name: str, default: object
) -> None:
    """The parameters of the sample that this replaces keep their names and defaults."""
    assert parameters[name]["Default"] == default


def test_parameters_take_what_the_service_takes(parameters: dict[str, Any]) -> None:
    """Allowed values are those of Firehose's and Lambda's own API models."""
    firehose = boto3.client("firehose", region_name="us-east-1").meta.service_model
    functions = boto3.client("lambda", region_name="us-east-1").meta.service_model
    hints = firehose.shape_for("BufferingHints").members
    interval, size = hints["IntervalInSeconds"].metadata, hints["SizeInMBs"].metadata
    name = firehose.shape_for("DeliveryStreamName").metadata

    assert (
        parameters["FirehoseCompressionFormat"]["AllowedValues"]
        == firehose.shape_for("CompressionFormat").enum
    )
    assert parameters["FirehoseBufferingInterval"]["MinValue"] == interval["min"]
    assert parameters["FirehoseBufferingInterval"]["MaxValue"] == interval["max"]
    assert parameters["FirehoseBufferingSize"]["MinValue"] == size["min"]
    assert parameters["FirehoseBufferingSize"]["MaxValue"] == size["max"]
    for text in ("a", "lambda-logs_1.x", "x" * 64, "", "a b", "x" * 65):
        fits = re.fullmatch(name["pattern"], text) and name["min"] <= len(text) <= name["max"]
        taken = re.fullmatch(parameters["FirehoseStreamName"]["AllowedPattern"], text)
        assert bool(taken) == bool(fits), text
    assert set(parameters["FunctionRuntime"]["AllowedValues"]) == python_runtimes(functions)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("firehose/", True), ("a/b/c/", True), ("", True),
        ("firehose", False), ("/firehose/", False), ("x!{timestamp:yyyy}/", False),
    ],
)  # fmt: skip
def test_prefix_is_a_folder(parameters: dict[str, Any], text: str, taken: bool) -> None:
    """A prefix ends with a slash, and cannot bring in expressions that need other settings."""
    pattern = parameters["FirehoseS3Prefix"]["AllowedPattern"]

    assert bool(re.fullmatch(pattern, text)) == taken


def python_runtimes(functions: Any) -> set[str]:
    """The Python runtimes from 3.10 on that Lambda's API knows."""
    names = functions.shape_for("Runtime").enum
    versions = {name: name.removeprefix("python").split(".") for name in names if "python" in name}
    return {
        name for name, version in versions.items() if [int(part) for part in version] >= [3, 10]
    }


def test_layer_is_for_every_python_and_processor(deployed: dict[str, Any]) -> None:
    """One layer for all runtimes from Python 3.10 on and both architectures."""
    layer = only(deployed, "AWS::Lambda::LayerVersion")
    functions = boto3.client("lambda", region_name="us-east-1").meta.service_model

    assert set(layer["CompatibleRuntimes"]) == python_runtimes(functions)
    assert set(layer["CompatibleArchitectures"]) == set(functions.shape_for("Architecture").enum)
    assert layer["LicenseInfo"] == "MIT-0"


def test_function_runs_through_the_wrapper(deployed: dict[str, Any]) -> None:
    """The sample has the layer, its wrapper and the stream's name, and nothing else set."""
    function = only(deployed, "AWS::Lambda::Function")

    assert function["Handler"] == "app.handler"
    assert function["Environment"]["Variables"] == {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose_wrapper",
        "AWS_KINESIS_STREAM_NAME": "lambda-logs-direct-s3-no-cloudwatch",
    }
    assert function["Layers"] == [
        "arn:aws:lambda:eu-central-1:123456789012:layer:firehose-logging:1"
    ]


def test_function_may_put_to_its_stream_only(deployed: dict[str, Any]) -> None:
    """PutRecordBatch on the one stream is all that the function is allowed."""
    role = deployed["SampleFunctionRole"]
    allowed = [one for one in statements(role) if one["Effect"] == "Allow"]

    assert [(one["Action"], one["Resource"]) for one in allowed] == [
        ("firehose:PutRecordBatch", STREAM)
    ]
    assert "ManagedPolicyArns" not in role["Properties"]
    assert decision(role, "firehose:PutRecordBatch", STREAM) == "Allow"
    assert decision(role, "firehose:PutRecordBatch", STREAM + "2") == "implicit deny"
    assert decision(role, "firehose:DeleteDeliveryStream", STREAM) == "implicit deny"


@pytest.mark.parametrize("action", CLOUDWATCH)
def test_cloudwatch_logs_are_denied(deployed: dict[str, Any], action: str) -> None:
    """By default an explicit denial keeps every log line out of CloudWatch."""
    role = deployed["SampleFunctionRole"]
    group = only(deployed, "AWS::Lambda::Function")["LoggingConfig"]["LogGroup"]

    assert decision(role, action, f"{LOG_GROUPS}:{group}:log-stream:y") == "Deny"
    assert decision(role, action, f"{LOG_GROUPS}:{group}") == "Deny"


@pytest.mark.parametrize("group", ["/aws/lambda-insights", "/aws/lambda/another-function"])
def test_the_denial_is_of_this_group_alone(deployed: dict[str, Any], group: str) -> None:
    """What others write with the same role, Lambda Insights for one, is not our business."""
    role = deployed["SampleFunctionRole"]

    assert decision(role, "logs:PutLogEvents", f"{LOG_GROUPS}:{group}:log-stream:y") == (
        "implicit deny"
    )


def test_the_denial_can_be_turned_off() -> None:
    """With DenyCloudWatchLogs=false Lambda may write to CloudWatch as it usually does."""
    role = cloudformation.resolve({"DenyCloudWatchLogs": "false"})["Resources"][
        "SampleFunctionRole"
    ]

    assert not [one for one in statements(role) if one["Effect"] == "Deny"]
    assert role["Properties"]["ManagedPolicyArns"] == [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    ]
    assert decision(role, "firehose:PutRecordBatch", STREAM) == "Allow"


def test_cloudwatch_as_a_safety_net() -> None:
    """Only what Firehose did not take and Lambda's own warnings go to CloudWatch."""
    deployed = cloudformation.resolve({"DenyCloudWatchLogs": "safety-net"})["Resources"]
    function = only(deployed, "AWS::Lambda::Function")
    group = deployed["SampleFunctionLogGroup"]["Properties"]

    assert function["LoggingConfig"] == {
        "LogGroup": group["LogGroupName"],
        "LogFormat": "JSON",
        "SystemLogLevel": "WARN",
    }
    assert function["Environment"]["Variables"]["FIREHOSE_LOGGING_PASSTHROUGH"] == "undelivered"
    assert not [
        one for one in statements(deployed["SampleFunctionRole"]) if one["Effect"] == "Deny"
    ]
    assert deployed["DivertedLines"]["Properties"]["LogGroupName"] == group["LogGroupName"]


def test_a_denied_group_is_not_made(deployed: dict[str, Any]) -> None:
    """Without CloudWatch there is no group, and the function's output stays as it is."""
    function = only(deployed, "AWS::Lambda::Function")

    assert "SampleFunctionLogGroup" not in deployed
    assert set(function["LoggingConfig"]) == {"LogGroup"}


def test_alarms_watch_the_stream_and_tell_the_topic() -> None:
    """Four alarms by default, five as a safety net, none when they are turned off."""
    topic = "arn:aws:sns:eu-central-1:123456789012:on-call"

    def alarms(**parameters: str) -> dict[str, Any]:
        deployed = cloudformation.resolve(parameters)["Resources"]
        return {
            name: one["Properties"]
            for name, one in deployed.items()
            if one["Type"] == "AWS::CloudWatch::Alarm"
        }

    watched = alarms(AlarmTopicArn=topic, DenyCloudWatchLogs="safety-net")
    assert set(watched) == {
        "LateAlarm", "ThrottledAlarm", "RefusedByS3Alarm", "SilentAlarm", "DivertedAlarm",
    }  # fmt: skip
    assert all(one["AlarmActions"] == one["OKActions"] == [topic] for one in watched.values())
    assert all(one["TreatMissingData"] == "notBreaching" for one in watched.values())
    assert len(alarms()) == 4
    assert "AlarmActions" not in alarms()["LateAlarm"]
    assert alarms(Alarms="false", DenyCloudWatchLogs="safety-net") == {}


def test_the_dashboard_is_json_and_off_by_default(deployed: dict[str, Any]) -> None:
    """It costs 3 USD a month, so it is asked for; what it shows exists in this stack."""
    asked_for = cloudformation.resolve({"Dashboard": "true"})["Resources"]
    body = json.loads(asked_for["LogDashboard"]["Properties"]["DashboardBody"])
    titles = [one["properties"].get("title") for one in body["widgets"]]

    assert "LogDashboard" not in deployed
    assert titles == [
        "Volume", "Cost a day, USD", "Freshness, seconds", "Throttled and failed", None,
    ]  # fmt: skip


def test_firehose_tells_its_own_errors(deployed: dict[str, Any]) -> None:
    """The stream's error log exists, is small, and its role may write there and nowhere else."""
    target = only(deployed, "AWS::KinesisFirehose::DeliveryStream")[
        "ExtendedS3DestinationConfiguration"
    ]
    role = deployed["FirehoseDeliveryRole"]
    group = deployed["FirehoseErrorLog"]["Properties"]

    assert target["CloudWatchLoggingOptions"] == {
        "Enabled": True,
        "LogGroupName": group["LogGroupName"],
        "LogStreamName": "DestinationDelivery",
    }
    assert group["RetentionInDays"] == 30
    own = f"{LOG_GROUPS}:{group['LogGroupName']}:log-stream:DestinationDelivery"
    assert decision(role, "logs:PutLogEvents", own) == "Allow"
    assert decision(role, "logs:PutLogEvents", f"{LOG_GROUPS}:/aws/lambda/x:log-stream:y") == (
        "implicit deny"
    )


def test_roles_trust_one_service_each(deployed: dict[str, Any]) -> None:
    """Only Lambda takes the function's role, only this account's Firehose the delivery role."""
    trust = {
        name: deployed[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name in ("SampleFunctionRole", "FirehoseDeliveryRole")
    }

    assert [one["Principal"] for one in trust["SampleFunctionRole"]] == [
        {"Service": "lambda.amazonaws.com"}
    ]
    assert [(one["Principal"], one["Condition"]) for one in trust["FirehoseDeliveryRole"]] == [
        (
            {"Service": "firehose.amazonaws.com"},
            {"StringEquals": {"sts:ExternalId": cloudformation.ACCOUNT}},
        )
    ]


def test_delivery_writes_below_its_prefixes_only(deployed: dict[str, Any]) -> None:
    """The delivery role reaches this bucket, and objects only below the two prefixes."""
    role = deployed["FirehoseDeliveryRole"]

    assert decision(role, "s3:PutObject", f"{BUCKET}/firehose/2026/01/01/00/x.gz") == "Allow"
    assert decision(role, "s3:PutObject", f"{BUCKET}/firehose-errors/x") == "Allow"
    assert decision(role, "s3:PutObject", f"{BUCKET}/elsewhere/x") == "implicit deny"
    assert decision(role, "s3:PutObject", "arn:aws:s3:::other/firehose/x") == "implicit deny"
    assert decision(role, "s3:DeleteObject", f"{BUCKET}/firehose/x") == "implicit deny"
    assert all("*" not in action for one in statements(role) for action in as_list(one["Action"]))


def test_stream_delivers_by_date(deployed: dict[str, Any]) -> None:
    """Objects go below the prefix by date, errors below their own, compressed and buffered."""
    stream = only(deployed, "AWS::KinesisFirehose::DeliveryStream")
    target = stream["ExtendedS3DestinationConfiguration"]

    assert stream["DeliveryStreamType"] == "DirectPut"
    assert target["Prefix"] == "firehose/!{timestamp:yyyy/MM/dd/HH}/"
    assert target["ErrorOutputPrefix"].startswith("firehose-errors/!{firehose:error-output-type}/")
    assert target["CompressionFormat"] == "GZIP"
    assert target["BufferingHints"] == {"IntervalInSeconds": 60, "SizeInMBs": 10}
    assert target["BucketARN"] == BUCKET


def test_stream_follows_the_parameters() -> None:
    """Name, prefix, compression and buffering are what the parameters say, for everyone."""
    deployed = cloudformation.resolve(
        {
            "FirehoseStreamName": "other",
            "FirehoseS3Prefix": "",
            "FirehoseCompressionFormat": "UNCOMPRESSED",
            "FirehoseBufferingInterval": "0",
            "FirehoseBufferingSize": "128",
        }
    )["Resources"]
    stream = only(deployed, "AWS::KinesisFirehose::DeliveryStream")
    arn = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/other"
    target = stream["ExtendedS3DestinationConfiguration"]
    variables = only(deployed, "AWS::Lambda::Function")["Environment"]["Variables"]

    assert stream["DeliveryStreamName"] == "other"
    assert target["Prefix"] == "!{timestamp:yyyy/MM/dd/HH}/"
    assert target["CompressionFormat"] == "UNCOMPRESSED"
    assert target["BufferingHints"] == {"IntervalInSeconds": "0", "SizeInMBs": "128"}
    assert variables["AWS_KINESIS_STREAM_NAME"] == "other"
    assert decision(deployed["SampleFunctionRole"], "firehose:PutRecordBatch", arn) == "Allow"
    assert decision(deployed["FirehoseDeliveryRole"], "s3:PutObject", f"{BUCKET}/2026/x") == "Allow"


def test_bucket_is_private_encrypted_and_kept(deployed: dict[str, Any]) -> None:
    """No public access in any form, encryption at rest, and logs outlive the stack."""
    bucket = deployed["LogBucket"]
    blocked = bucket["Properties"]["PublicAccessBlockConfiguration"]
    (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (ownership,) = bucket["Properties"]["OwnershipControls"]["Rules"]

    assert blocked == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert ownership == {"ObjectOwnership": "BucketOwnerEnforced"}
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


def test_bucket_answers_over_tls_only(deployed: dict[str, Any]) -> None:
    """Whoever asks without TLS is denied everything, on the bucket and its objects."""
    policy = only(deployed, "AWS::S3::BucketPolicy")

    assert policy["Bucket"] == "stack-logbucket"
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [BUCKET, f"{BUCKET}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_outputs_name_what_others_need() -> None:
    """Layer, function, stream, delivery role, bucket and database can be read from the stack."""
    outputs = cloudformation.resolve()["Outputs"]

    assert {name: output["Value"] for name, output in outputs.items()} == {
        "LayerVersionArn": "arn:aws:lambda:eu-central-1:123456789012:layer:firehose-logging:1",
        "FunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:stack-samplefunction",
        "DeliveryStreamArn": STREAM,
        "DeliveryRoleArn": "arn:aws:iam::123456789012:role/stack-firehosedeliveryrole",
        "BucketName": "stack-logbucket",
        "QueryDatabase": "firehose_logging",
    }
