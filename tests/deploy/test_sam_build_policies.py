"""How the tests decide what a role may do."""

from __future__ import annotations

from typing import Any

import pytest

from support.iam import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, decide, policies_of

STREAM = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/logs"


def allow(action: Any, resource: Any = "*", effect: str = "Allow") -> dict[str, Any]:
    """A policy with one statement."""
    return {"Statement": {"Effect": effect, "Action": action, "Resource": resource}}


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [
        ("firehose:PutRecordBatch", STREAM, ALLOWED),
        (["a:b", "firehose:PutRecordBatch"], ["x", STREAM], ALLOWED),
        ("FIREHOSE:putrecordbatch", STREAM, ALLOWED),
        ("firehose:*", "arn:aws:firehose:*:deliverystream/*", ALLOWED),
        ("firehose:Put?ecord*", STREAM[:-1] + "?", ALLOWED),
        ("*", "*", ALLOWED),
        ("firehose:PutRecord", STREAM, IMPLICIT_DENY),
        ("firehose:PutRecordBatch", STREAM.upper(), IMPLICIT_DENY),
        ("firehose:PutRecordBatch", STREAM[:-1], IMPLICIT_DENY),
        ("firehose:[P]utRecordBatch", STREAM, IMPLICIT_DENY),
        ("firehose.PutRecordBatch", STREAM, IMPLICIT_DENY),
        ("firehose:PutRecordBatch?", STREAM, IMPLICIT_DENY),
    ],
)
def test_one_statement(action: Any, resource: Any, decision: str) -> None:
    """Actions match in any case, resources exactly; * and ? are wildcards and nothing else is."""
    assert decide([allow(action, resource)], "firehose:PutRecordBatch", STREAM) == decision


def test_a_deny_wins() -> None:
    """An explicit Deny wins over any Allow, whichever comes first."""
    policies = [allow("*"), allow("logs:*", effect="Deny"), allow("logs:PutLogEvents")]

    for order in (policies, policies[::-1]):
        assert decide(order, "logs:PutLogEvents", STREAM) == EXPLICIT_DENY
        assert decide(order, "firehose:PutRecordBatch", STREAM) == ALLOWED
    assert decide([], "logs:PutLogEvents", STREAM) == IMPLICIT_DENY


def test_the_other_way_round() -> None:
    """NotAction and NotResource mean everything else."""
    everything_else = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::*"}
    policies = [{"Statement": [everything_else]}]

    assert decide(policies, "logs:PutLogEvents", STREAM) == ALLOWED
    assert decide(policies, "iam:PassRole", STREAM) == IMPLICIT_DENY
    assert decide(policies, "s3:GetObject", "arn:aws:s3:::bucket/x") == IMPLICIT_DENY


@pytest.mark.parametrize(
    "more",
    [
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"NotAction": "*"},
        {"Resource": "arn:aws:s3:::${aws:username}/*"},
        {"Effect": "Perhaps"},
    ],
)
def test_nothing_is_guessed(more: dict[str, Any]) -> None:
    """A statement that is not understood is an error."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", **more}

    with pytest.raises(ValueError, match=r".+"):
        decide([{"Statement": statement}], "s3:GetObject", "*")


def test_managed_policies_count() -> None:
    """Policies by ARN are looked up; one that is not known is an error."""
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    policies = policies_of({"ManagedPolicyArns": [basic]})

    assert decide(policies, "logs:PutLogEvents", "*") == ALLOWED
    with pytest.raises(KeyError):
        policies_of({"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]})
