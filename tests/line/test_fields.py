from __future__ import annotations

import json

import pytest

from firehose_logging._environment import Environment
from firehose_logging._line.fields import Fields

ENVIRON = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/25/[$LATEST]abc",
}
PLATFORM = tuple(
    (n, None) for n in ("accountId", "region", "functionArn", "memorySize", "logStream")
)


def columns(fields: Fields, **environ: str) -> dict[str, object]:
    """The columns in an environment."""
    return json.loads("{" + fields.members(Environment({**ENVIRON, **environ}))[1:] + "}")


def test_own_values():
    """Names and values as they are set, in their order."""
    fields = Fields((("service", "shop"), ("env", 'a"b'), ("version", "1.4")))

    assert columns(fields) == {"service": "shop", "env": 'a"b', "version": "1.4"}
    assert not fields.needs_account
    assert Fields().members(Environment({})) == ""


def test_the_platforms_values():
    """Bare names take what the platform tells; what it has not told is left out."""
    fields = Fields(PLATFORM)
    rest = {"region": "eu-west-1", "memorySize": 128, "logStream": "2026/11/25/[$LATEST]abc"}

    assert fields.needs_account
    assert columns(fields) == rest
    fields.know_account("123456789012")
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert columns(fields) == {"accountId": "123456789012", "functionArn": arn, **rest}
    assert Fields(PLATFORM).members(Environment({})) == ""


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_partitions(region, partition):
    """ARNs of China and of the United States' government begin in their own way."""
    fields = Fields((("functionArn", None),), "1")

    assert columns(fields, AWS_REGION=region)["functionArn"].startswith(f"arn:{partition}:lambda:")


def test_a_platforms_name_with_a_value():
    """A value of the user's own holds, whatever its name."""
    fields = Fields((("region", "here"),))

    assert columns(fields) == {"region": "here"}
    assert not fields.needs_account


def test_an_odd_memory_size():
    """A size that is no number is shown as it is told."""
    fields = Fields((("memorySize", None),))

    assert columns(fields, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="lots") == {"memorySize": "lots"}
