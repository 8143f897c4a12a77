"""What can be wrong with a function before it runs: each check looks at facts. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from firehose_logging._cli import policies
from firehose_logging._cli.facts import UNRESOLVED, Facts, Finding
from firehose_logging.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAM = "AWS_KINESIS_STREAM_NAME"
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
OURS = "/opt/firehose_wrapper"
OWN_NAMES = (STREAM, WRAPPER, "HTTP_LOGS_LISTENER_PORT", "AWS_ENDPOINT_URL_FIREHOSE")
#: Names that look like ours and are somebody's own.
OTHERS_NAMES = {"AWS_ENDPOINT_URL", "AWS_LAMBDA_LOG_STREAM_NAME"}
RUNTIME = re.compile(r"python3\.(\d+)")
OLDEST_MINOR = 10
#: Bytes a second that Direct PUT takes before it throttles (quotas page): 5 MiB in three regions.
LARGE_REGIONS = {"us-east-1", "us-west-2", "eu-west-1"}
MIB = 1 << 20
#: Processors for what a subscription filter sends; Firehose then takes nothing else.
FOR_CLOUDWATCH = {"Decompression", "CloudWatchLogProcessing"}
#: Wrappers of others, and what they are of.
WRAPPERS = {
    "/opt/datadog_wrapper": "Datadog",
    "/opt/otel-instrument": "OpenTelemetry",
    "/opt/otel-handler": "OpenTelemetry",
    "/opt/newrelic_wrapper": "New Relic",
}
#: The wrapper of the Lambda Web Adapter, which starts a script of the function's.
ADAPTER = "/opt/bootstrap"
#: Parts of layer names, and variables' beginnings, of what also reads or ships logs.
NEIGHBOURS = (
    ("Datadog", "datadog", "DD_"),
    ("OpenTelemetry", "otel", "OTEL_"),
    ("OpenTelemetry", "opentelemetry", "OPENTELEMETRY_"),
    ("New Relic", "newrelic", "NEW_RELIC_"),
    ("Lambda Web Adapter", "lambdaadapter", "AWS_LWA_"),
    ("Lambda Insights", "lambdainsights", "LAMBDA_INSIGHTS_"),
)


def examine(facts: Facts, load: float | None = None) -> list[Finding]:
    """Every finding, errors first.

    Args:
        facts: of one function.
        load: bytes a second that are expected; None where nobody said.
    """
    found = [each for check in CHECKS for each in check(facts)]
    if load is not None:
        found += _quota(facts, load)
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda each: order[each.level])


def _settings(facts: Facts) -> Iterator[Finding]:
    said: list[str] = []
    known = {name: value for name, value in facts.variables.items() if value != UNRESOLVED}
    Settings.from_env(known, said.append)
    for text in said:
        name = text.partition("=")[0].partition(" ")[0].strip("':")
        yield Finding("error", text, f"{name} in {facts.where}", "correct the name or the value")
    for name in facts.variables:
        if name in OWN_NAMES or name in OTHERS_NAMES or name.startswith("FIREHOSE_LOGGING_"):
            continue
        near = difflib.get_close_matches(name, OWN_NAMES, 1, 0.8)
        if near and near[0] not in facts.variables:
            yield Finding(
                "error", f"{name} is not read", f"{name} in {facts.where}", f"name it {near[0]}"
            )


def _stream(facts: Facts) -> Iterator[Finding]:
    name = facts.variables.get(STREAM, "").strip()
    where = f"{STREAM} in {facts.where}"
    if not name:
        yield Finding(
            "error", "no delivery stream: nothing is sent", where, "set it to the stream's name"
        )
        return
    if name == UNRESOLVED:
        return
    if facts.stream is not None and not facts.stream.exists:
        yield Finding(
            "error", f"there is no stream {facts.stream.name} in {facts.region}", where,
            "create it there, correct the name, or set the region by AWS_ENDPOINT_URL_FIREHOSE",
        )  # fmt: skip
    elif facts.stream is not None and not facts.stream.active:
        text = f"stream {facts.stream.name} is not ACTIVE"
        yield Finding("error", text, where, "wait, or look at its status")
    endpoint = facts.variables.get("AWS_ENDPOINT_URL_FIREHOSE", "")
    region = re.search(r"firehose(?:-fips)?\.([a-z0-9-]+)\.", endpoint)
    if region and facts.region and region.group(1) != facts.region:
        yield Finding(
            "warning", f"calls go to {region.group(1)}, the function runs in {facts.region}",
            f"AWS_ENDPOINT_URL_FIREHOSE in {facts.where}",
            "each call crosses regions and signs for the function's: name one region in both",
        )  # fmt: skip


def _source(facts: Facts) -> Iterator[Finding]:
    if facts.stream is not None and set(facts.stream.processors) & FOR_CLOUDWATCH:
        yield Finding(
            "error", "the stream takes apart what CloudWatch Logs sends it, and refuses lines that "
            "come directly (InvalidSourceException)",
            f"ProcessingConfiguration of stream {facts.stream.name}",
            "send to another stream until nothing subscribes to this one, or take "
            "Decompression and CloudWatchLogProcessing out",
        )  # fmt: skip


def _names(facts: Facts) -> list[str]:
    """Of the streams, one as a rule; none where nothing is set."""
    names = facts.variables.get(STREAM, "").split(",")
    return [name.strip() for name in names if name.strip()]


def _arns(facts: Facts) -> list[str]:
    names = ["*" if name == UNRESOLVED else name for name in _names(facts)] or ["*"]
    return [f"arn:aws:firehose:{facts.region or '*'}:*:deliverystream/{name}" for name in names]


def _permission(facts: Facts) -> Iterator[Finding]:
    if facts.statements is None:
        return
    where = f"the role of {facts.where}"
    answers = {
        policies.decide(facts.statements, "firehose:PutRecordBatch", arn): arn
        for arn in _arns(facts)
    }
    refused = [each for each in (policies.NOT_ALLOWED, policies.DENIED) if each in answers]
    answer = refused[0] if refused else next(iter(answers))
    if answer in (policies.NOT_ALLOWED, policies.DENIED):
        yield Finding(
            "error", f"firehose:PutRecordBatch is {answer}{_which(facts, answers[answer])}", where,
            "allow firehose:PutRecordBatch on the stream's ARN, and nothing more",
        )  # fmt: skip
    elif answer == policies.UNKNOWN:
        yield Finding(
            "note", "firehose:PutRecordBatch depends on a condition or a value of the deployment",
            where, "look at it with --function once it is deployed",
        )  # fmt: skip
    for grant in policies.too_wide(facts.statements, "firehose"):
        yield Finding(
            "warning", f"more is allowed than is needed: {grant}", where,
            "allow firehose:PutRecordBatch on the stream's ARN alone",
        )  # fmt: skip


def _which(facts: Facts, arn: str) -> str:
    """Names the stream, where there are several."""
    return f" on {arn.rpartition('/')[2]}" if len(_names(facts)) > 1 else ""


def _writes_logs(facts: Facts) -> str:
    resource = f"arn:aws:logs:{facts.region or '*'}:*:log-group:/aws/lambda/*"
    return policies.decide(facts.statements or [], "logs:PutLogEvents", resource)


def _cloudwatch(facts: Facts) -> Iterator[Finding]:
    passes = facts.variables.get("FIREHOSE_LOGGING_PASSTHROUGH", "on").replace(" ", "").split(",")
    where = f"FIREHOSE_LOGGING_PASSTHROUGH in {facts.where}"
    off = facts.statements is not None and _writes_logs(facts) in (
        policies.DENIED, policies.NOT_ALLOWED,
    )  # fmt: skip
    if off and "undelivered" in passes:
        yield Finding(
            "error", "lines that Firehose does not take go nowhere: the role may not write to "
            "CloudWatch", where, "allow logs:PutLogEvents, or take undelivered away",
        )  # fmt: skip
    metrics = [name for name in facts.variables if name.startswith("POWERTOOLS_METRICS")]
    if off and (metrics or "metrics" in passes):
        yield Finding(
            "warning", "metric lines (embedded metric format) need CloudWatch Logs, which the role "
            "may not write to: no metrics come of them", metrics[0] if metrics else where,
            "allow logs:PutLogEvents and let metrics pass, or use PutMetricData",
        )  # fmt: skip
    elif metrics and passes == ["off"]:
        yield Finding(
            "warning", "metric lines do not reach CloudWatch", where,
            "FIREHOSE_LOGGING_PASSTHROUGH=metrics lets them through alone",
        )  # fmt: skip
    if facts.log_format == "Text" and ("undelivered" in passes or "metrics" in passes):
        yield Finding(
            "warning", "with the text log format Lambda writes START, END and REPORT of each "
            "invocation to CloudWatch", f"LoggingConfig of {facts.where}",
            "LogFormat JSON, SystemLogLevel WARN",
        )  # fmt: skip


def _wrapper(facts: Facts) -> Iterator[Finding]:
    path = facts.variables.get(WRAPPER)
    where = f"{WRAPPER} in {facts.where}"
    if path in (OURS, UNRESOLVED):
        return
    if path == ADAPTER:
        yield Finding(
            "note", "the Lambda Web Adapter starts the function's script; whether that starts the "
            "server through our wrapper is not seen here", where,
            f"end the script in: exec {OURS} python -m ... (docs/web-adapter.md)",
        )  # fmt: skip
    elif not path and facts.image:
        yield Finding(
            "note", "a container image: whether it starts through our wrapper is not seen here",
            facts.where, f"start the runtime through {OURS} in the image (docs/containers.md)",
        )  # fmt: skip
    elif not path:
        yield Finding(
            "warning", "the wrapper is not set: only what code hands to the package is sent", where,
            f"set it to {OURS}, or call firehose_logging.install() first in the handler's module",
        )  # fmt: skip
    elif path in WRAPPERS:
        yield Finding(
            "error", f"two wrappers: Lambda starts one, and it is {WRAPPERS[path]}'s", where,
            "keep it and call firehose_logging.install() first in the handler's module",
        )  # fmt: skip
    else:
        yield Finding(
            "error" if "firehose" in path.lower() else "warning", f"{path} is not our wrapper",
            where, f"set it to {OURS}, or call firehose_logging.install() in the handler's module",
        )  # fmt: skip


def _is_ours(name: str) -> bool:
    return "firehose" in name.lower() and "logging" in name.lower()


def _layers(facts: Facts) -> Iterator[Finding]:
    where = facts.where
    found = RUNTIME.fullmatch(facts.runtime or "")
    if facts.runtime and facts.runtime != UNRESOLVED and not found:
        yield Finding(
            "error", f"{facts.runtime} is no Python runtime", where, "the layer is Python's"
        )
    elif found and int(found.group(1)) < OLDEST_MINOR:
        yield Finding(
            "error", f"{facts.runtime} is too old", where, "python3.10 or newer is needed"
        )
    if facts.layers is None or facts.image:
        return
    ours = [layer for layer in facts.layers if _is_ours(layer.name)]
    unknown = any(layer.name == UNRESOLVED for layer in facts.layers)
    if not ours and not unknown and facts.variables.get(WRAPPER) == OURS:
        yield Finding(
            "error", "the wrapper's layer is not there: the function cannot start", where,
            "add the firehose-logging layer to its layers",
        )  # fmt: skip
    for layer in ours:
        if layer.architectures and facts.architecture not in (None, *layer.architectures):
            yield Finding(
                "error", f"layer {layer.name} is for {', '.join(layer.architectures)}, the "
                f"function is {facts.architecture}", where, "build the layer for it",
            )  # fmt: skip
        if layer.runtimes and facts.runtime not in (None, UNRESOLVED, *layer.runtimes):
            yield Finding(
                "warning", f"layer {layer.name} has no bytecode for {facts.runtime}: each cold "
                "start compiles it", where, "build the layer where this Python is on the PATH",
            )  # fmt: skip


def _neighbours(facts: Facts) -> Iterator[Finding]:
    names = [layer.name.lower().replace("-", "") for layer in facts.layers or []]
    seen: set[str] = set()
    for who, part, prefix in NEIGHBOURS:
        by_layer = any(part in name for name in names)
        by_name = any(name.startswith(prefix) for name in facts.variables)
        if who in seen or not (by_layer or by_name):
            continue
        seen.add(who)
        remedy = {
            "Lambda Web Adapter": "add firehose_logging.middleware to the application, so that "
            "lines have their request id",
            "Lambda Insights": "it writes to CloudWatch Logs with the function's role: allow that",
        }.get(who, "each ships logs by itself: turn its log shipping off, or pay for both")
        yield Finding("warning", f"{who} is beside it", facts.where, remedy)


def _compression(facts: Facts) -> Iterator[Finding]:
    stream = facts.stream
    gzips = facts.variables.get("FIREHOSE_LOGGING_COMPRESSION", "none").strip().lower() == "gzip"
    fixed = facts.variables.get("FIREHOSE_LOGGING_SCHEMA", "open").strip().lower() == "fixed"
    if stream is None:
        return
    where = f"stream {stream.name} and FIREHOSE_LOGGING_COMPRESSION in {facts.where}"
    if gzips and stream.converts:
        yield Finding(
            "error", "the stream converts records, and cannot read compressed ones", where,
            "FIREHOSE_LOGGING_COMPRESSION=none",
        )  # fmt: skip
    elif gzips and stream.compression not in (None, "UNCOMPRESSED", UNRESOLVED):
        yield Finding(
            "error", f"compressed twice: the function gzips, the stream {stream.compression}",
            where,
            "CompressionFormat UNCOMPRESSED and FileExtension .gz on the stream, or none here",
        )  # fmt: skip
    if stream.converts and not fixed:
        yield Finding(
            "error", "the stream converts to columns, and lines have columns of their own", where,
            "FIREHOSE_LOGGING_SCHEMA=fixed",
        )  # fmt: skip


def _network(facts: Facts) -> Iterator[Finding]:
    if facts.vpc and not facts.endpoint and not facts.variables.get("AWS_ENDPOINT_URL_FIREHOSE"):
        yield Finding(
            "warning", "in a VPC, and no endpoint for Firehose is seen", facts.where,
            "add an interface endpoint for com.amazonaws.REGION.kinesis-firehose, or a NAT gateway",
        )  # fmt: skip


def _quota(facts: Facts, load: float) -> Iterator[Finding]:
    quota = (5 if facts.region in LARGE_REGIONS else 1) * MIB * max(1, len(_names(facts)))
    where = f"the stream of {facts.where}"
    if load > quota:
        yield Finding(
            "error", f"{load / MIB:.1f} MiB/s are expected, the stream takes {quota / MIB:.0f} in "
            f"{facts.region or 'most regions'}", where,
            "ask for a higher quota, spread functions over streams, or log less",
        )  # fmt: skip
    elif load > 0.7 * quota:
        yield Finding(
            "warning", f"{100 * load / quota:.0f} % of the stream's quota are expected", where,
            "ask for a higher quota before it throttles",
        )  # fmt: skip


def _notes(facts: Facts) -> Iterator[Finding]:
    for note in facts.notes:
        yield Finding("note", note, facts.where, "the checks that need it were left out")


CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _settings, _stream, _source, _permission, _cloudwatch, _wrapper, _layers, _neighbours,
    _compression, _network, _notes,
)  # fmt: skip
