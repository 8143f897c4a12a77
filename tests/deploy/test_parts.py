"""deploy/: the parts of template.yaml, each a stack of its own."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from support import cloudformation
from support.iam import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, decide, policies_of
from support.wiring import LAYER, assert_wired, exports, functions

DEPLOY = cloudformation.TEMPLATE.parent / "deploy"
STREAM = (
    "arn:aws:firehose:eu-central-1:123456789012:deliverystream/lambda-logs-direct-s3-no-cloudwatch"
)
LOG_GROUPS = "arn:aws:logs:eu-central-1:123456789012:log-group"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"


def resources(part: str, **parameters: str) -> dict[str, Any]:
    """A part's resources as deployed with these parameters."""
    found: dict[str, Any] = cloudformation.resolve(parameters, DEPLOY / part)["Resources"]
    return found


def plain(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource without what only says how it is written."""
    kept = copy.deepcopy(resource)
    kept.pop("Metadata", None)
    return kept


# -- parts and whole -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "names"),
    [
        (
            "stream.yaml",
            [
                "FirehoseStream", "FirehoseErrorLog", "FirehoseErrorLogStream",
                "FirehoseDeliveryRole", "LogBucket", "LogBucketPolicy",
            ],
        ),
        ("alarms.yaml", ["LateAlarm", "ThrottledAlarm", "RefusedByS3Alarm"]),
    ],
)  # fmt: skip
def test_a_part_is_what_the_whole_has(part: str, names: list[str]) -> None:
    """With the defaults both make the same: a change of one that forgets the other fails here."""
    whole = cloudformation.resolve()["Resources"]
    alone = resources(part)

    assert {name: plain(alone[name]) for name in names} == {
        name: plain(whole[name]) for name in names
    }


def test_the_layer_is_the_same_for_all() -> None:
    """The layer alone fits the runtimes and processors that the whole template's fits."""
    (whole,) = [
        one["Properties"]
        for one in cloudformation.resolve()["Resources"].values()
        if one["Type"] == "AWS::Lambda::LayerVersion"
    ]
    alone = resources("layer.yaml", ZipBucket="zips", ZipKey="layer.zip")["Layer"]

    assert alone["Properties"]["Content"] == {"S3Bucket": "zips", "S3Key": "layer.zip"}
    for name in ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo", "LayerName"):
        assert alone["Properties"][name] == whole[name]
    assert alone["DeletionPolicy"] == "Retain"


def test_every_parameter_says_what_it_is() -> None:
    """Each parameter of each part is described, with its price where it has one."""
    for part in DEPLOY.glob("*.yaml"):
        for name, parameter in cloudformation.load(part)["Parameters"].items():
            assert len(parameter["Description"]) > 15, f"{part.name}: {name}"


@pytest.mark.parametrize(
    ("part", "name", "makes"),
    [
        ("../template.yaml", "Dashboard", "AWS::CloudWatch::Dashboard"),
        ("../template.yaml", "TableMetrics", "AWS::Events::Rule"),
        ("alarms.yaml", "Dashboard", "AWS::CloudWatch::Dashboard"),
        ("table.yaml", "TableMetrics", "AWS::Events::Rule"),
        ("stream.yaml", "VpcId", "AWS::EC2::VPCEndpoint"),
        ("stream.yaml", "KmsKeyArn", None),
    ],
)
def test_what_costs_by_itself_is_off_with_its_price(
    part: str, name: str, makes: str | None
) -> None:
    """Its parameter names dollars, and without it nothing of it is made."""
    path = DEPLOY / part
    parameters = cloudformation.load(path)["Parameters"]
    needed = {key: "logs" for key, one in parameters.items() if "Default" not in one}
    made = cloudformation.resolve(needed, path)["Resources"].values()

    assert parameters[name]["Default"] in ("", "false")
    assert "USD" in parameters[name]["Description"]
    assert makes not in {one["Type"] for one in made}


# -- the layer --------------------------------------------------------------------


def test_the_layer_is_shared_with_an_organization_only() -> None:
    """Without an organization nobody else gets it; with one, everyone in it and nobody outside."""
    given = {"ZipBucket": "zips", "ZipKey": "layer.zip"}
    shared = resources("layer.yaml", **given, OrganizationId="o-abcdefghij")

    assert "LayerPermission" not in resources("layer.yaml", **given)
    assert shared["LayerPermission"]["Properties"]["OrganizationId"] == "o-abcdefghij"
    assert shared["LayerArn"]["Properties"]["Value"].endswith(":layer:firehose-logging:1")


# -- stream and bucket --------------------------------------------------------------------


def test_an_existing_bucket_is_used_and_left_alone() -> None:
    """Nothing of the bucket is made or changed; the role reaches it below the prefixes."""
    made = resources("stream.yaml", ExistingBucket="archive")
    target = made["FirehoseStream"]["Properties"]["ExtendedS3DestinationConfiguration"]
    policies = policies_of(made["FirehoseDeliveryRole"]["Properties"])

    assert not [one for one in made.values() if one["Type"].startswith("AWS::S3::")]
    assert target["BucketARN"] == "arn:aws:s3:::archive"
    assert decide(policies, "s3:PutObject", "arn:aws:s3:::archive/firehose/x") == ALLOWED
    assert decide(policies, "s3:PutObject", "arn:aws:s3:::archive/other/x") == IMPLICIT_DENY


def test_your_own_key() -> None:
    """Stream, objects and bucket take it, and Firehose's role may use it."""
    made = resources("stream.yaml", KmsKeyArn=KEY)
    stream = made["FirehoseStream"]["Properties"]
    policies = policies_of(made["FirehoseDeliveryRole"]["Properties"])
    (rule,) = made["LogBucket"]["Properties"]["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]

    assert stream["DeliveryStreamEncryptionConfigurationInput"]["KeyARN"] == KEY
    assert stream["ExtendedS3DestinationConfiguration"]["EncryptionConfiguration"] == {
        "KMSEncryptionConfig": {"AWSKMSKeyARN": KEY}
    }
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEY
    assert decide(policies, "kms:GenerateDataKey", KEY) == ALLOWED
    assert decide(policies, "kms:GenerateDataKey", KEY + "2") == IMPLICIT_DENY


def test_logs_get_colder_and_go() -> None:
    """Lifecycle and lock are off, and are what is asked for."""
    usual = resources("stream.yaml")["LogBucket"]["Properties"]
    asked = resources("stream.yaml", ColderAfterDays="30", ExpireAfterDays="400")["LogBucket"]
    (rule,) = asked["Properties"]["LifecycleConfiguration"]["Rules"]
    locked = resources("stream.yaml", ObjectLockDays="365")["LogBucket"]["Properties"]

    assert not {"LifecycleConfiguration", "ObjectLockConfiguration"} & set(usual)
    assert rule["Transitions"] == [{"StorageClass": "GLACIER_IR", "TransitionInDays": "30"}]
    assert rule["ExpirationInDays"] == "400"
    assert locked["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {
        "Mode": "COMPLIANCE",
        "Days": "365",
    }
    assert locked["VersioningConfiguration"] == {"Status": "Enabled"}


def test_a_locked_bucket_that_expires_keeps_no_versions_for_ever() -> None:
    """Where versions are kept, an expired object leaves one, and that goes, too."""
    both = resources("stream.yaml", ObjectLockDays="30", ExpireAfterDays="400")["LogBucket"]
    alone = resources("stream.yaml", ExpireAfterDays="400")["LogBucket"]
    (rule,) = both["Properties"]["LifecycleConfiguration"]["Rules"]

    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    (rule,) = alone["Properties"]["LifecycleConfiguration"]["Rules"]
    assert "NoncurrentVersionExpiration" not in rule


def test_writers_of_another_account() -> None:
    """Its roles may assume one role, which may put records on this stream and nothing else."""
    made = resources("stream.yaml", WriterAccount="210987654321")
    role = made["WriterRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert "WriterRole" not in resources("stream.yaml")
    assert trust["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
    assert decide(policies_of(role), "firehose:PutRecordBatch", STREAM) == ALLOWED
    assert decide(policies_of(role), "firehose:PutRecordBatch", STREAM + "2") == IMPLICIT_DENY


def test_the_endpoint_takes_log_lines_only() -> None:
    """Through the VPC's endpoint nothing but records for this stream goes, from this account."""
    made = resources(
        "stream.yaml", VpcId="vpc-1", SubnetIds="subnet-1", SecurityGroupIds="sg-12345678"
    )
    endpoint = made["FirehoseEndpoint"]["Properties"]
    (statement,) = endpoint["PolicyDocument"]["Statement"]

    assert "FirehoseEndpoint" not in resources("stream.yaml")
    assert endpoint["ServiceName"] == "com.amazonaws.eu-central-1.kinesis-firehose"
    assert (statement["Action"], statement["Resource"]) == ("firehose:PutRecordBatch", STREAM)


def test_limits_are_those_of_the_service() -> None:
    """Buffering and compression take what Firehose's API model takes."""
    parameters = cloudformation.load(DEPLOY / "stream.yaml")["Parameters"]
    whole = cloudformation.load()["Parameters"]
    firehose = boto3.client("firehose", region_name="us-east-1").meta.service_model

    assert parameters["FirehoseCompressionFormat"]["AllowedValues"] == (
        firehose.shape_for("CompressionFormat").enum
    )
    for name in ("FirehoseBufferingInterval", "FirehoseBufferingSize"):
        for bound in ("MinValue", "MaxValue", "Default"):
            assert parameters[name][bound] == whole[name][bound]


# -- policies and a function --------------------------------------------------------------------


def test_managed_policies() -> None:
    """One lets a role write to the stream, the other keeps it from its log groups, no other."""
    made = resources("policy.yaml")
    send = [made["SendLogsPolicy"]["Properties"]["PolicyDocument"]]
    deny = [*send, made["NoCloudWatchPolicy"]["Properties"]["PolicyDocument"]]
    deny.append({"Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]})

    assert decide(send, "firehose:PutRecordBatch", STREAM) == ALLOWED
    assert decide(send, "firehose:PutRecordBatch", STREAM + "2") == IMPLICIT_DENY
    for action in ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"):
        group = f"{LOG_GROUPS}:/aws/lambda/orders:log-stream:x"
        assert decide(deny, action, group) == EXPLICIT_DENY
        assert decide(deny, action, f"{LOG_GROUPS}:/aws/lambda-insights:log-stream:x") == ALLOWED


def test_a_functions_part_fits_the_other_parts() -> None:
    """It takes layer, stream and policy by the names that the other parts give them."""
    made = cloudformation.resolve({"LayerArn": "arn:layer:1"}, DEPLOY / "function.yaml")
    function = made["Resources"]["Function"]["Properties"]
    (role,) = [one for one in made["Resources"].values() if one["Type"] == "AWS::IAM::Role"]
    exports = {
        output["Export"]["Name"]["Fn::Sub"]
        for output in cloudformation.load(DEPLOY / "policy.yaml")["Outputs"].values()
    }
    layer = cloudformation.load(DEPLOY / "layer.yaml")["Parameters"]["ParameterName"]
    part = cloudformation.load(DEPLOY / "function.yaml")["Parameters"]

    assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == (
        "/opt/firehose_wrapper"
    )
    assert part["LayerArn"]["Default"] == layer["Default"]
    assert "${AWS::StackName}-SendLogsPolicyArn" in exports
    assert (
        "import:firehose-logging-policies-SendLogsPolicyArn"
        in (role["Properties"]["ManagedPolicyArns"])
    )


def test_alarms_are_for_the_functions_named() -> None:
    """Silence is an alarm of the functions that the condition names."""
    condition = "FunctionName = 'orders' OR FunctionName = 'bills'"
    made = resources("alarms.yaml", Functions=condition)["SilentAlarm"]["Properties"]
    (query,) = [one for one in made["Metrics"] if one["Id"] == "invocations"]

    assert "SilentAlarm" not in resources("alarms.yaml")
    assert query["Expression"].endswith(f"WHERE {condition}")


def test_silence_of_all_functions_is_two_metrics() -> None:
    """An asterisk takes the account's own sum, which is one metric however many functions."""
    made = resources("alarms.yaml", Functions="*")["SilentAlarm"]["Properties"]
    (counted,) = [one for one in made["Metrics"] if one["Id"] == "invocations"]

    assert "Expression" not in counted
    assert counted["MetricStat"]["Metric"] == {
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
    }


def test_paths_exist() -> None:
    """What a part names in this repository is there."""
    function = cloudformation.load(DEPLOY / "function.yaml")["Resources"]["Function"]["Properties"]

    assert (Path(DEPLOY) / function["CodeUri"]).resolve().is_dir()


# -- functions without SAM, in an image, and their alarm -----------------------------------------


def test_a_function_without_sam_is_the_same() -> None:
    """What sends the lines is what function.yaml has, in CloudFormation's own words."""
    imported = exports("policy.yaml", "firehose-logging-policies")
    given = {"CodeBucket": "code", "CodeKey": "orders.zip", "LayerArn": LAYER}
    made = resources("function-plain.yaml", **given)

    assert assert_wired(made, imported) == ["Function"]


def test_an_image_brings_layer_and_wrapper_itself() -> None:
    """Lambda refuses layers for an image; the rest is what every function has."""
    imported = exports("policy.yaml", "firehose-logging-policies")
    made = resources("function-image.yaml", ImageUri="123456789012.dkr/orders:1")
    ((function, policies),) = functions(made, imported).values()

    assert not {"Layers", "Runtime", "Handler"} & set(function)
    assert function["Environment"]["Variables"] == {
        "AWS_KINESIS_STREAM_NAME": STREAM.rpartition("/")[2],
        "FIREHOSE_LOGGING_PASSTHROUGH": "undelivered",
    }
    assert decide(policies, "firehose:PutRecordBatch", STREAM) == ALLOWED
    assert decide(policies, "logs:PutLogEvents", f"{LOG_GROUPS}:/aws/lambda/orders:x") == ALLOWED


@pytest.mark.parametrize("there", ["true", "false"])
def test_an_alarm_for_one_function(there: str) -> None:
    """It counts the diverted lines of that function's own group, made here or there already."""
    made = resources("function-alarm.yaml", FunctionName="orders", CreateLogGroup=there)
    (counted,) = made["DivertedLines"]["Properties"]["MetricTransformations"]
    whole = cloudformation.resolve({"DenyCloudWatchLogs": "safety-net"})["Resources"]

    assert ("FunctionLogGroup" in made) == (there == "true")
    assert made["DivertedLines"]["Properties"]["LogGroupName"] == "/aws/lambda/orders"
    assert made["DivertedAlarm"]["Properties"]["MetricName"] == counted["MetricName"]
    assert (
        made["DivertedLines"]["Properties"]["FilterPattern"]
        == (whole["DivertedLines"]["Properties"]["FilterPattern"])
    )


def test_the_dashboard_is_off_and_shows_the_stream() -> None:
    """It costs money by itself, so it is asked for; it has the widgets of the whole template's."""
    whole = cloudformation.resolve({"Dashboard": "true"})["Resources"]["LogDashboard"]
    made = resources("alarms.yaml", Dashboard="true")["LogDashboard"]
    shown, wanted = (
        json.loads(one["Properties"]["DashboardBody"])["widgets"] for one in (made, whole)
    )

    assert "LogDashboard" not in resources("alarms.yaml")
    assert [one["properties"].get("title") for one in shown] == [
        one["properties"].get("title") for one in wanted
    ]
    assert "lambda-logs-direct-s3-no-cloudwatch" in json.dumps(shown)


def test_every_alarm_is_explained() -> None:
    """docs/operate.md has a row for each alarm that any template makes, and for no other."""
    templates = [cloudformation.TEMPLATE, *DEPLOY.glob("*.yaml")]
    alarms = {
        name
        for template in templates
        for name, one in cloudformation.load(template)["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    rows = re.findall(r"(?m)^\| `(\w+Alarm)`", (DEPLOY.parent / "docs/operate.md").read_text())

    assert sorted(rows) == sorted(alarms)
