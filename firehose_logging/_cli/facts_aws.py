"""Facts of a deployed function, read by AWS's API; what may not be read is a note."""

from __future__ import annotations

from typing import Any

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.facts import Facts, Layer, Stream, processors


def from_function(name: str, clients: Any) -> Facts:
    """The facts of one function.

    Args:
        name: its name or ARN.
        clients: makes a client of a service by its name, such as ``boto3.client``.

    Raises:
        CommandError: the function itself cannot be read.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        function = clients("lambda").get_function_configuration(FunctionName=name)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"--function {name}: {error}") from error
    variables = (function.get("Environment") or {}).get("Variables") or {}
    region = function["FunctionArn"].split(":")[3]
    notes: list[str] = []

    def ask(what: str, question: Any) -> Any:
        try:
            return question()
        except (BotoCoreError, ClientError) as error:
            notes.append(f"{what} cannot be read: {error}")
            return None

    vpc = (function.get("VpcConfig") or {}).get("VpcId")
    streams = [s.strip() for s in variables.get("AWS_KINESIS_STREAM_NAME", "").split(",")]
    role = function["Role"].rpartition("/")[2]
    return Facts(
        function["FunctionArn"],
        variables,
        layers=[
            ask("a layer", lambda arn=each["Arn"]: _layer(arn, clients)) or Layer(each["Arn"])
            for each in function.get("Layers", [])
        ],
        runtime=function.get("Runtime"),
        architecture=(function.get("Architectures") or [None])[0],
        statements=ask("the role", lambda: _statements(role, clients)),
        stream=ask("the stream", lambda: _worst(streams, clients)) if streams[0] else None,
        region=region,
        vpc=bool(vpc),
        endpoint=ask("the VPC's endpoints", lambda: _endpoint(vpc, region, clients))
        if vpc
        else None,
        log_format=(function.get("LoggingConfig") or {}).get("LogFormat"),
        image=function.get("PackageType") == "Image",
        notes=notes,
    )


def _layer(arn: str, clients: Any) -> Layer:
    found = clients("lambda").get_layer_version_by_arn(Arn=arn)
    return Layer(arn, found.get("CompatibleRuntimes"), found.get("CompatibleArchitectures"))


def _statements(role: str, clients: Any) -> list[dict[str, Any]]:
    iam = clients("iam")
    found: list[dict[str, Any]] = []
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found += _listed(document["Statement"])
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for each in page["AttachedPolicies"]:
            arn = each["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            found += _listed(policy["Document"]["Statement"])
    return found


def _listed(value: Any) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else [value]


def _worst(names: list[str], clients: Any) -> Stream:
    """The stream; of several the first that is not there or not ACTIVE, if there is one."""
    found = [_stream(name, clients) for name in names if name]
    return next((each for each in found if not (each.exists and each.active)), found[0])


def _stream(name: str, clients: Any) -> Stream:
    firehose = clients("firehose")
    try:
        answer = firehose.describe_delivery_stream(DeliveryStreamName=name)
    except firehose.exceptions.ResourceNotFoundException:
        return Stream(name, exists=False)
    found = answer["DeliveryStreamDescription"]
    s3 = (found.get("Destinations") or [{}])[0].get("ExtendedS3DestinationDescription") or {}
    conversion = s3.get("DataFormatConversionConfiguration") or {}
    return Stream(
        name,
        s3.get("CompressionFormat"),
        bool(conversion.get("Enabled")),
        active=found.get("DeliveryStreamStatus") == "ACTIVE",
        processors=processors(s3.get("ProcessingConfiguration")),
    )


def _endpoint(vpc: str, region: str, clients: Any) -> bool:
    found = clients("ec2").describe_vpc_endpoints(
        Filters=[
            {"Name": "vpc-id", "Values": [vpc]},
            {"Name": "service-name", "Values": [f"com.amazonaws.{region}.kinesis-firehose"]},
        ]
    )
    return bool(found["VpcEndpoints"])
