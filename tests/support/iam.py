"""What IAM decides about a call, from the identity policies of a role alone.

The rule of the IAM user guide, "Policy evaluation logic": an explicit Deny wins, else an Allow,
else the call is denied implicitly. Whatever is not understood here (a condition, a policy variable,
a managed policy that is not given) is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"

#: Managed policies by the end of their ARN; the document as AWS publishes it.
MANAGED = {
    "policy/service-role/AWSLambdaBasicExecutionRole": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "*",
            }
        ],
    },
    "policy/AWSXrayWriteOnlyAccess": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "xray:PutTraceSegments",
                    "xray:PutTelemetryRecords",
                    "xray:GetSamplingRules",
                    "xray:GetSamplingTargets",
                    "xray:GetSamplingStatisticSummaries",
                ],
                "Resource": "*",
            }
        ],
    },
}
_KNOWN = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def policies_of(role: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The policy documents of an AWS::IAM::Role's properties, inline and managed."""
    documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    for arn in role.get("ManagedPolicyArns", []):
        documents.append(MANAGED[arn.partition(":iam::aws:")[2]])
    return documents


def decide(
    policies: Iterable[Mapping[str, Any]],
    action: str,
    resource: str,
    context: Mapping[str, str] = {},
) -> str:
    """``ALLOWED``, ``EXPLICIT_DENY`` or ``IMPLICIT_DENY`` for one call.

    ``context`` has the keys of the request that conditions ask for.

    Raises:
        ValueError: a statement says something that is not understood here.
    """
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in _as_list(policy["Statement"])
        if _applies(statement, action, resource) and _holds(statement.get("Condition", {}), context)
    }
    if not effects <= {"Allow", "Deny"}:
        raise ValueError(f"Effect is Allow or Deny, not {effects}")
    if "Deny" in effects:
        return EXPLICIT_DENY
    return ALLOWED if "Allow" in effects else IMPLICIT_DENY


def _applies(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    unknown = set(statement) - _KNOWN
    if unknown:
        raise ValueError(f"not understood in a policy statement: {', '.join(sorted(unknown))}")
    # Actions are the same in any case of letters, resources are not.
    return _selected(statement, "Action", action, re.IGNORECASE) and _selected(
        statement, "Resource", resource, re.RegexFlag(0)
    )


def _holds(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    unknown = set(condition) - {"StringEquals"}
    if unknown:
        raise ValueError(f"not understood in a policy's condition: {', '.join(sorted(unknown))}")
    wanted = condition.get("StringEquals", {})
    return all(context.get(key) in _as_list(values) for key, values in wanted.items())


def _selected(statement: Mapping[str, Any], key: str, value: str, flags: re.RegexFlag) -> bool:
    if (key in statement) == (f"Not{key}" in statement):
        raise ValueError(f"a policy statement has either {key} or Not{key}")
    patterns = _as_list(statement.get(key, statement.get(f"Not{key}")))
    return any(_matches(one, value, flags) for one in patterns) == (key in statement)


def _matches(pattern: str, value: str, flags: re.RegexFlag) -> bool:
    if "${" in pattern:
        raise ValueError(f"policy variables are not understood: {pattern}")
    # Only * and ? are special; unlike in file names, * passes over slashes and colons.
    parts = [
        {"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split("([*?])", pattern)
    ]
    return re.fullmatch("".join(parts), value, flags | re.DOTALL) is not None


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
