"""Whether the functions of a stack can send their lines: variables, layer and role, as deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from support import cloudformation
from support.iam import ALLOWED, IMPLICIT_DENY, MANAGED, decide

DEPLOY = cloudformation.TEMPLATE.parent / "deploy"
LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:firehose-logging:1"
STREAM_NAME = "lambda-logs-direct-s3-no-cloudwatch"
STREAM = f"arn:aws:firehose:eu-central-1:123456789012:deliverystream/{STREAM_NAME}"
LOG_GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/orders:log-stream:x"
#: Every call that the layer makes to AWS: one. What is imported at runtime makes no other.
CALLS = ("firehose:PutRecordBatch",)


def exports(part: str, stack: str, **parameters: str) -> dict[str, Any]:
    """What a stack made from a part exports: by its name, the resource that it stands for."""
    template = cloudformation.load(DEPLOY / part)
    made = cloudformation.resolve(parameters, DEPLOY / part)["Resources"]
    found = {}
    for output in template["Outputs"].values():
        if "Export" in output:
            name = output["Export"]["Name"]["Fn::Sub"].replace("${AWS::StackName}", stack)
            found[name] = made[output["Value"]["Ref"]]
    return found


def documents(role: Mapping[str, Any], imported: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The policy documents of a role's properties: inline, AWS's own, and those of other stacks."""
    for policy in role.get("Policies", ()):
        yield policy["PolicyDocument"]
    for arn in role.get("ManagedPolicyArns", ()):
        if arn.startswith("import:"):
            yield imported[arn.removeprefix("import:")]["Properties"]["PolicyDocument"]
        else:
            yield MANAGED[arn.partition(":iam::aws:")[2]]


def functions(
    resources: Mapping[str, Any], imported: Mapping[str, Any]
) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The functions of a resolved stack: properties, and the policies of each one's role."""
    roles = {
        f"arn:aws:iam::123456789012:role/stack-{name.lower()}": one["Properties"]
        for name, one in resources.items()
        if one["Type"] == "AWS::IAM::Role"
    }
    return {
        name: (one["Properties"], list(documents(roles[one["Properties"]["Role"]], imported)))
        for name, one in resources.items()
        if one["Type"] == "AWS::Lambda::Function"
    }


def assert_wired(resources: Mapping[str, Any], imported: Mapping[str, Any] = {}) -> list[str]:
    """Each function starts through the wrapper, and may make our calls and the safety net's.

    Returns:
        The functions' names.
    """
    found = functions(resources, imported)
    assert found, "no function in this stack"
    for name, (function, policies) in found.items():
        variables = function["Environment"]["Variables"]
        assert function["Layers"] == [LAYER], name
        assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/firehose_wrapper"
        assert variables["AWS_KINESIS_STREAM_NAME"] == STREAM_NAME
        assert "undelivered" in variables["FIREHOSE_LOGGING_PASSTHROUGH"]
        assert function["LoggingConfig"] == {"LogFormat": "JSON", "SystemLogLevel": "WARN"}
        for call in CALLS:
            assert decide(policies, call, STREAM) == ALLOWED, f"{name}: {call}"
            assert decide(policies, call, STREAM + "2") == IMPLICIT_DENY, f"{name}: {call}"
        # Without this the safety net is none.
        for call in ("logs:CreateLogStream", "logs:PutLogEvents"):
            assert decide(policies, call, LOG_GROUP) == ALLOWED, f"{name}: {call}"
        for call in ("firehose:DeleteDeliveryStream", "s3:GetObject", "iam:PassRole"):
            assert decide(policies, call, "arn:aws:any:::thing") == IMPLICIT_DENY, f"{name}: {call}"
    return sorted(found)


def without_findings(path: Path) -> None:
    """cfn-lint says nothing about a template, not even a warning."""
    from cfnlint.api import lint_file

    assert [str(match) for match in lint_file(path)] == []
