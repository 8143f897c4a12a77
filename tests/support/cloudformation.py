"""What CloudFormation makes of template.yaml, without AWS: parameters, conditions, functions.

Only the intrinsic functions that the template uses; any other one is an error.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

# Neither has come to the newest Python yet: whoever asks for this module there is skipped.
pytest.importorskip("cfnlint")
pytest.importorskip("samtranslator")

from cfnlint.decode import cfn_yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
ACCOUNT = "123456789012"
REGION = "eu-central-1"

_PSEUDO = {
    "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::Region": REGION,
    "AWS::StackName": "stack", "AWS::URLSuffix": "amazonaws.com",
}  # fmt: skip
_NO_VALUE = object()
#: What Ref gives, by type, where it is not the name that the resource was given.
_ARNS = {
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::KinesisFirehose::DeliveryStream": (
        "arn:aws:firehose:{region}:{account}:deliverystream/{name}"
    ),
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::LayerVersion": "arn:aws:lambda:{region}:{account}:layer:{name}:1",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
}
_NAMES = {
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::LogStream": "LogStreamName",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Athena::WorkGroup": "Name",
}


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template as written, its short tags (!Ref) as plain objects."""
    plain: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(path))))
    return plain


def translate(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """What AWS's SAM translator makes of a template after its artifacts were uploaded."""
    packaged = copy.deepcopy(template)
    for resource in packaged["Resources"].values():
        for key in ("CodeUri", "ContentUri"):
            if key in resource["Properties"]:
                resource["Properties"][key] = "s3://artifacts/key"
    given = _defaults(template) | parameters
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    translated: dict[str, Any] = translator.translate(packaged, given)
    return translated


def resolve(parameters: dict[str, str] | None = None, template: Path = TEMPLATE) -> dict[str, Any]:
    """Resources and Outputs of a template as deployed with these parameters.

    What a condition keeps out is not there.
    """
    loaded = load(template)
    translated = translate(loaded, parameters or {}) if "Transform" in loaded else loaded
    resolver = _Resolver(translated, parameters or {})
    return {key: resolver.present(translated.get(key, {})) for key in ("Resources", "Outputs")}


def _defaults(template: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value["Default"]
        for name, value in template["Parameters"].items()
        if "Default" in value
    }


class _Resolver:
    def __init__(self, template: dict[str, Any], parameters: dict[str, str]) -> None:
        unknown = set(parameters) - set(template["Parameters"])
        assert not unknown, f"the template has no such parameters: {unknown}"
        self._parameters = _defaults(template) | parameters
        self._resources = template["Resources"]
        self._conditions = template.get("Conditions", {})

    def present(self, section: dict[str, Any]) -> dict[str, Any]:
        """The entries whose condition holds, each without it, resolved."""
        return {
            name: self.value({key: part for key, part in entry.items() if key != "Condition"})
            for name, entry in section.items()
            if "Condition" not in entry or self._holds(entry["Condition"])
        }

    def _holds(self, condition: str) -> bool:
        return bool(self.value(self._conditions[condition]))

    def value(self, node: Any) -> Any:
        """A node with every intrinsic function in it carried out."""
        if isinstance(node, list):
            items = [self.value(item) for item in node]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((key, argument),) = node.items()
            if key == "Ref":
                return self._ref(argument)
            if key == "Condition" and isinstance(argument, str):
                return self._holds(argument)
            if key.startswith("Fn::"):
                return self._function(key.removeprefix("Fn::"), argument)
        values = {key: self.value(item) for key, item in node.items()}
        return {key: item for key, item in values.items() if item is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        if name == "GetAtt":
            logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            assert attribute == "Arn", f"GetAtt {argument}"
            return self._arn(logical)
        if name == "Sub":
            text, given = (argument, {}) if isinstance(argument, str) else argument
            values = {key: str(self.value(value)) for key, value in given.items()}
            found = re.sub(
                r"\$\{([^!}]+)\}",
                lambda each: values.get(each[1]) or self._substitute(each[1]),
                text,
            )
            return found.replace("${!", "${")
        if name == "Base64":
            return base64.b64encode(str(self.value(argument)).encode()).decode()
        if name == "If":
            condition, then, otherwise = argument
            return self.value(then if self._holds(condition) else otherwise)
        if name == "Equals":
            left, right = (self.value(side) for side in argument)
            return str(left) == str(right)
        if name == "ImportValue":
            return f"import:{self.value(argument)}"
        if name == "Not":
            return not self.value(argument[0])
        if name in ("And", "Or"):
            sides = [self.value(side) for side in argument]
            return all(sides) if name == "And" else any(sides)
        if name == "Join":
            return argument[0].join(str(part) for part in self.value(argument[1]))
        if name == "Select":
            return self.value(argument[1])[int(argument[0])]
        if name == "Split":
            return str(self.value(argument[1])).split(argument[0])
        raise AssertionError(f"Fn::{name} is not resolved here yet")

    def _substitute(self, name: str) -> str:
        logical, dot, attribute = name.partition(".")
        return str(self._function("GetAtt", [logical, attribute]) if dot else self._ref(logical))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        if self._resources[name]["Type"] == "AWS::Lambda::LayerVersion":
            return self._arn(name)
        return self._name(name)

    def _name(self, logical: str) -> str:
        resource = self._resources[logical]
        properties = resource["Properties"]
        # Glue keeps the name inside of what it takes as its input.
        inner = properties.get("DatabaseInput") or properties.get("TableInput")
        given = inner["Name"] if inner else properties.get(_NAMES.get(resource["Type"], ""))
        return str(self.value(given)) if given else f"stack-{logical.lower()}"

    def _arn(self, logical: str) -> str:
        pattern = _ARNS[self._resources[logical]["Type"]]
        return pattern.format(account=ACCOUNT, region=REGION, name=self._name(logical))
