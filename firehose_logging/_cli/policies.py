"""What IAM decides about a call, from the policies of a role. Pure.

An explicit Deny wins, else an Allow, else nothing allows it (IAM user guide, "Policy evaluation
logic"). Boundaries and organisation policies are not seen here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALLOWED = "allowed"
DENIED = "denied by a statement"
NOT_ALLOWED = "not allowed"
#: A condition, or a value that only a deployment knows: the answer depends on it.
UNKNOWN = "unknown"


def decide(statements: Iterable[Mapping[str, Any]], action: str, resource: str) -> str:
    """What becomes of one call.

    Args:
        statements: of all policies of the role.
        action: such as ``firehose:PutRecordBatch``.
        resource: its ARN; ``*`` in it for parts that are not known.
    """
    allowed = unknown = False
    for each in statements:
        hit = _matches(each, action, resource)
        if hit is False:
            continue
        if hit is None or each.get("Condition"):
            unknown = True
        elif each.get("Effect") == "Deny":
            return DENIED
        else:
            allowed = True
    if allowed:
        return ALLOWED
    return UNKNOWN if unknown else NOT_ALLOWED


def too_wide(statements: Iterable[Mapping[str, Any]], service: str) -> list[str]:
    """Grants of more than one service's call on one resource: as ``Action on Resource``."""
    found = []
    for each in statements:
        if each.get("Effect") != "Allow":
            continue
        texts = [action for action in listed(each.get("Action")) if isinstance(action, str)]
        actions = [a for a in texts if a == "*" or a.startswith(service + ":")]
        wild = [a for a in actions if a.endswith("*")]
        resources = listed(each.get("Resource"))
        if wild:
            found.append(f"{', '.join(wild)} on {', '.join(map(str, resources))}")
        elif actions and "*" in resources:
            found.append(f"{', '.join(actions)} on *")
    return found


def listed(value: Any) -> list[Any]:
    """IAM takes one or a list of most things."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _matches(statement: Mapping[str, Any], action: str, resource: str) -> bool | None:
    if "NotAction" in statement:
        acts: bool | None = not _any(statement["NotAction"], action)
    else:
        acts = _any(statement.get("Action"), action)
    if "NotResource" in statement:
        on: bool | None = not _any(statement["NotResource"], resource)
    else:
        on = _any(statement.get("Resource"), resource)
    if acts is False or on is False:
        return False
    return None if acts is None or on is None else True


def _any(patterns: Any, value: str) -> bool | None:
    """Whether one pattern matches; None when only a deployment can say."""
    unknown = False
    for pattern in listed(patterns):
        if not isinstance(pattern, str):
            unknown = True
        elif _like(pattern, value) or ("*" in value and _meets(pattern, value)):
            return True
    return None if unknown else False


def _meets(pattern: str, value: str) -> bool:
    """Whether a value of which a part is not known, such as the account, may be meant."""
    theirs, ours = pattern.split(":", 5), value.split(":", 5)
    if len(theirs) != len(ours):
        return _like(value, pattern)
    return all(_like(a, b) or _like(b, a) for a, b in zip(theirs, ours, strict=True))


def _like(pattern: str, value: str) -> bool:
    parts = re.split(r"([*?])", pattern)
    text = "".join({"*": ".*", "?": "."}.get(part) or re.escape(part) for part in parts)
    return re.fullmatch(text, value, re.IGNORECASE) is not None
