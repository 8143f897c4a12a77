"""Facts from files: variables of an environment file, functions of a template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.facts import UNRESOLVED, Facts, Layer, Stream, processors
from firehose_logging._cli.policies import listed

FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")


def from_env_file(path: Path) -> Facts:
    """The variables of a file of ``NAME=VALUE`` lines.

    Raises:
        CommandError: it cannot be read, or a line is none.
    """
    variables: dict[str, str] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"{path}:{number}: {text!r}: NAME=VALUE is needed")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        variables[name.strip()] = value
    return Facts(str(path), variables, region=variables.get("AWS_REGION"))


def from_template(path: Path, names: list[str]) -> list[Facts]:
    """The functions of a CloudFormation or SAM template.

    Args:
        path: YAML or JSON.
        names: logical ids; empty for every function that is made with the parameters' defaults.

    Raises:
        CommandError: it is no template, or has no such function.
    """
    template = Template(_load(path), str(path))
    functions = {
        name: resource
        for name, resource in template.resources.items()
        if resource.get("Type") in FUNCTIONS
        and (name in names or "Condition" not in resource or template.holds(resource["Condition"]))
    }
    found = [
        template.function(name, resource)
        for name, resource in functions.items()
        if not names or name in names
    ]
    missing = set(names) - {each.where.rpartition(" ")[2] for each in found}
    if missing or not found:
        what = f" {', '.join(sorted(missing))}" if missing else ""
        there = f"; it has {', '.join(functions)}" if functions else " in it"
        raise CommandError(f"{path}: no function{what}{there}")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: {error}") from error


def _load(path: Path) -> dict[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no hints
        """Knows CloudFormation's short forms."""

    def short_form(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
        name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
            return {name: value.split(".", 1) if name == "Fn::GetAtt" else value}
        if isinstance(node, yaml.SequenceNode):
            return {name: loader.construct_sequence(node, deep=True)}
        return {name: loader.construct_mapping(node, deep=True)}

    Loader.add_multi_constructor("!", short_form)
    try:
        loaded = yaml.load(_text(path), Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise CommandError(f"{path}: no YAML: {error}") from error
    if not isinstance(loaded, dict) or not isinstance(loaded.get("Resources"), dict):
        raise CommandError(f"{path}: no template: it has no Resources")
    return loaded


class Template:
    """A template, its references followed as far as they stand in it.

    Args:
        body: as loaded.
        where: for the reader.
    """

    def __init__(self, body: dict[str, Any], where: str) -> None:
        self.resources: dict[str, dict[str, Any]] = body["Resources"]
        self._where = where
        self._parameters = body.get("Parameters") or {}
        self._conditions = body.get("Conditions") or {}
        self._globals = (body.get("Globals") or {}).get("Function") or {}

    def function(self, name: str, resource: dict[str, Any]) -> Facts:
        """The facts of one function."""
        own = resource.get("Properties") or {}
        merged = {**self._globals, **own}
        layers = [*listed(self._globals.get("Layers")), *listed(own.get("Layers"))]
        stream = self._stream(self._variables(own).get("AWS_KINESIS_STREAM_NAME"))
        variables = {key: self.text(value) for key, value in self._variables(own).items()}
        logging = self.value(merged.get("LoggingConfig")) or {}
        architectures = self.value(merged.get("Architectures")) or ["x86_64"]
        return Facts(
            f"{self._where} {name}",
            variables,
            layers=[self._layer(each) for each in map(self.value, layers) if each is not None],
            runtime=self.text(merged["Runtime"]) if "Runtime" in merged else None,
            architecture=self.text(listed(architectures)[0]),
            statements=self._statements(merged),
            stream=stream,
            vpc="VpcConfig" in merged,
            endpoint=any("kinesis-firehose" in str(r) for r in self.resources.values()
                         if r.get("Type") == "AWS::EC2::VPCEndpoint"),
            log_format=logging.get("LogFormat") if isinstance(logging, dict) else None,
            image=merged.get("PackageType") == "Image",
        )  # fmt: skip

    def _variables(self, own: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each in (self._globals, own):
            found.update(((each.get("Environment") or {}).get("Variables")) or {})
        return found

    def value(self, value: Any) -> Any:
        """A value with parameters' defaults and conditions filled in; references stay."""
        if not isinstance(value, dict) or len(value) != 1:
            return value
        (key, of), = value.items()  # fmt: skip
        if key == "Ref" and of in self._parameters:
            return self._parameters[of].get("Default", UNRESOLVED)
        if key == "Ref" and of == "AWS::NoValue":
            return None
        if key == "Fn::If" and isinstance(of, list) and len(of) == 3:
            return self.value(of[1] if self.holds(of[0]) else of[2])
        return value

    def holds(self, condition: Any) -> bool:
        """Whether a condition is true with the parameters' defaults."""
        rule = self._conditions.get(condition) if isinstance(condition, str) else condition
        if not isinstance(rule, dict):
            return False
        (key, of), = rule.items()  # fmt: skip
        if key == "Fn::Equals":
            left, right = (self.value(each) for each in of)
            return bool(left == right)
        if key == "Fn::Not":
            return not self.holds(of[0])
        if key == "Fn::And":
            return all(self.holds(each) for each in of)
        if key == "Fn::Or":
            return any(self.holds(each) for each in of)
        return self.holds(of) if key == "Condition" else False

    def text(self, value: Any) -> str:
        """A value as text; what only a deployment knows is ``UNRESOLVED``."""
        value = self.value(value)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, str | int | float) else UNRESOLVED

    def _target(self, value: Any) -> str | None:
        """The logical id that a reference names."""
        if not isinstance(value, dict):
            return None
        name = value.get("Ref") or (listed(value.get("Fn::GetAtt")) or [None])[0]
        return name if name in self.resources else None

    def _layer(self, value: Any) -> Layer:
        target = self._target(value)
        if target is None:
            return Layer(self.text(value))
        properties = self.resources[target].get("Properties") or {}
        return Layer(
            str(properties.get("LayerName", target)),
            self.value(properties.get("CompatibleRuntimes")),
            self.value(properties.get("CompatibleArchitectures")),
        )

    def _stream(self, value: Any) -> Stream | None:
        target = self._target(value)
        if target is None:
            return None
        properties = self.resources[target].get("Properties") or {}
        s3 = self.value(properties.get("ExtendedS3DestinationConfiguration")) or {}
        converts = self.value(s3.get("DataFormatConversionConfiguration"))
        compression = s3.get("CompressionFormat", "UNCOMPRESSED")
        steps = processors(self.value(s3.get("ProcessingConfiguration")))
        return Stream(target, self.text(compression), bool(converts), processors=steps)

    def _statements(self, properties: dict[str, Any]) -> list[dict[str, Any]] | None:
        """Of the role in the template, or of SAM's own; None for a role from elsewhere."""
        if "Role" in properties:
            target = self._target(properties["Role"])
            if target is None:
                return None
            role = self.resources[target].get("Properties") or {}
            documents = [self.value(each) for each in listed(role.get("Policies"))]
            managed = listed(self.value(role.get("ManagedPolicyArns")))
        else:
            documents = [self.value(each) for each in listed(properties.get("Policies"))]
            managed = [LOGS, *(each for each in documents if not _is_document(each))]
        # What another managed policy allows stands elsewhere: the answer depends on it.
        found = [
            BASIC
            if "AWSLambdaBasicExecutionRole" in str(each)
            else {"Effect": "Allow", "Action": {"of": each}, "Resource": {"of": each}}
            for each in managed
        ]
        for each in documents:
            if isinstance(each, dict):
                document = each.get("PolicyDocument", each)
                found += [self._statement(one) for one in listed(document.get("Statement"))]
        return [each for each in found if each]

    def _statement(self, value: Any) -> dict[str, Any]:
        """One statement; a resource of this template is whatever it will be called."""
        statement = self.value(value)
        if not isinstance(statement, dict):
            return {}
        resources = [
            "*:deliverystream/*" if self._is_stream(each) else self.value(each)
            for each in listed(self.value(statement.get("Resource")))
        ]
        return {**statement, **({"Resource": resources} if resources else {})}

    def _is_stream(self, value: Any) -> bool:
        target = self._target(value)
        kind = self.resources[target].get("Type") if target else None
        return kind == "AWS::KinesisFirehose::DeliveryStream"


def _is_document(value: Any) -> bool:
    """Whether a policy of SAM's stands there as it is: no name, template or import."""
    return value is None or (
        isinstance(value, dict) and bool({"PolicyDocument", "Statement"} & set(value))
    )


LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
BASIC: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}
