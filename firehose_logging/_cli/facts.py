"""What is known of a function before it runs; None where nobody said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: A value that only a deployment knows (a reference, an import).
UNRESOLVED = "<known at deployment>"


@dataclass(frozen=True)
class Stream:
    """A delivery stream's settings, as far as they matter here.

    Args:
        name: its name.
        compression: CompressionFormat, UNCOMPRESSED by default.
        converts: whether it converts to Parquet or ORC.
        exists: False when it was looked for and is not there.
        active: whether it takes records.
        processors: types of what it does with records before it stores them.
    """

    name: str
    compression: str | None = None
    converts: bool | None = None
    exists: bool = True
    active: bool = True
    processors: tuple[str, ...] = ()


def processors(configuration: Any) -> tuple[str, ...]:
    """The types in a stream's ProcessingConfiguration, none where it is not enabled."""
    if not isinstance(configuration, dict) or str(configuration.get("Enabled")).lower() != "true":
        return ()
    return tuple(str(each.get("Type")) for each in configuration.get("Processors") or ())


@dataclass(frozen=True)
class Layer:
    """A layer of the function.

    Args:
        name: its name or ARN.
        runtimes: those it says it is for; None where it says nothing.
        architectures: the same.
    """

    name: str
    runtimes: list[str] | None = None
    architectures: list[str] | None = None


@dataclass(frozen=True)
class Facts:
    """One function.

    Args:
        where: for the reader: the file, or the function's ARN.
        variables: its environment.
        layers: None where unknown.
        runtime: ``python3.13``.
        architecture: ``arm64`` or ``x86_64``.
        statements: of all policies of its role.
        stream: the stream that it names.
        region: in which it runs.
        vpc: whether it is in a VPC.
        endpoint: whether that VPC has an endpoint for Firehose.
        log_format: ``JSON`` or ``Text``.
        image: whether it is a container image, which has no layers.
    """

    where: str
    variables: dict[str, str]
    layers: list[Layer] | None = None
    runtime: str | None = None
    architecture: str | None = None
    statements: list[dict[str, Any]] | None = None
    stream: Stream | None = None
    region: str | None = None
    vpc: bool | None = None
    endpoint: bool | None = None
    log_format: str | None = None
    image: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Args:
        level: ``error`` (logs are lost or do not come), ``warning`` or ``note``.
        what: what is wrong.
        where: the variable, resource or file.
        remedy: what to do.
    """

    level: str
    what: str
    where: str
    remedy: str
