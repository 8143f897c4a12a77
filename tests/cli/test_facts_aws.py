"""A function's facts as AWS's APIs give them."""

from __future__ import annotations

from types import SimpleNamespace

from botocore.exceptions import ClientError

from firehose_logging._cli import checks, facts_aws
from firehose_logging._cli.facts import Stream
from support.function_facts import PUT, SOUND


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


def test_managed_policies_and_a_stream_that_is_there():
    """What attached policies allow counts, in their default version; so do a stream's settings."""
    stream = {
        "DeliveryStreamStatus": "CREATING",
        "Destinations": [{"ExtendedS3DestinationDescription": {
            "CompressionFormat": "GZIP", "DataFormatConversionConfiguration": {"Enabled": True},
        }}],
    }  # fmt: skip
    found = facts_aws.from_function(
        "shop",
        clients_of(
            get_function_configuration={**FUNCTION, "Layers": [], "VpcConfig": {}},
            list_role_policies={"PolicyNames": []},
            list_attached_role_policies={"AttachedPolicies": [{"PolicyArn": "arn:aws:iam::aws:p"}]},
            get_policy={"Policy": {"DefaultVersionId": "v2"}},
            get_policy_version={"PolicyVersion": {"Document": {"Statement": [PUT]}}},
            describe_delivery_stream={"DeliveryStreamDescription": stream},
        ),
    )

    assert found.statements == [PUT]
    assert found.stream == Stream("logs", "GZIP", True, active=False)
    assert (found.vpc, found.endpoint) == (False, None)
