"""What is wrong with a function before it runs."""

# A mistake a line reads best, however long.
# ruff: noqa: E501
from __future__ import annotations

import pytest

from firehose_logging._cli import checks
from firehose_logging._cli.facts import Facts, Layer, Stream
from support.function_facts import LAYER, LOGS, PUT, facts


def test_a_sound_function():
    """Nothing to say."""
    assert checks.examine(facts(), load=100_000) == []


WRONG = {
    "misspelt": (facts({"FIREHOSE_LOGGING_FLUHS": "end"}), "error", "FIREHOSE_LOGGING_FLUSH"),
    "wrong value": (facts({"FIREHOSE_LOGGING_FLUSH": "never"}), "error", "adaptive"),
    "no stream": (facts({"AWS_KINESIS_STREAM_NAME": ""}), "error", "nothing is sent"),
    "misspelt stream": (
        Facts("shop", {"AWS_KINESIS_STREAM": "logs"}), "error", "name it AWS_KINESIS_STREAM_NAME",
    ),
    "an ARN": (facts({"AWS_KINESIS_STREAM_NAME": "arn:aws:x/y"}), "error", "AWS_KINESIS_STREAM_NAME"),
    "no such stream": (facts(stream=Stream("logs", exists=False)), "error", "no stream logs in eu-west-1"),
    "another region": (
        facts({"AWS_ENDPOINT_URL_FIREHOSE": "https://firehose.us-east-1.amazonaws.com"}), "warning", "us-east-1",
    ),
    "no permission": (facts(statements=[LOGS]), "error", "firehose:PutRecordBatch is not allowed"),
    "denied": (facts(statements=[PUT, LOGS, {**PUT, "Effect": "Deny"}]), "error", "denied by a statement"),
    "too wide": (
        facts(statements=[LOGS, {"Effect": "Allow", "Action": "firehose:*", "Resource": "*"}]),
        "warning", "firehose:* on *",
    ),
    "wrapper path": (facts({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose-wrapper"}), "error", "/opt/firehose_wrapper"),
    "no wrapper": (facts({"AWS_LAMBDA_EXEC_WRAPPER": ""}), "warning", "install()"),
    "two wrappers": (facts({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"}), "error", "Datadog"),
    "an image": (facts({"AWS_LAMBDA_EXEC_WRAPPER": ""}, image=True), "note", "docs/containers.md"),
    "the adapter's wrapper": (
        facts({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}), "note", "exec /opt/firehose_wrapper python -m",
    ),
    "no layer": (facts(layers=[]), "error", "layer is not there"),
    "architecture": (facts(architecture="x86_64"), "error", "is for arm64"),
    "bytecode": (facts(runtime="python3.12"), "warning", "no bytecode for python3.12"),
    "old Python": (facts(runtime="python3.9"), "error", "too old"),
    "no Python": (facts(runtime="nodejs22.x"), "error", "no Python"),
    "twice": (facts({"FIREHOSE_LOGGING_COMPRESSION": "gzip"}), "error", "compressed twice"),
    "converted": (
        facts({"FIREHOSE_LOGGING_COMPRESSION": "gzip", "FIREHOSE_LOGGING_SCHEMA": "fixed"},
              stream=Stream("logs", "UNCOMPRESSED", True)),
        "error", "cannot read compressed",
    ),
    "for CloudWatch": (
        facts(stream=Stream("logs", "GZIP", False, processors=("Decompression",))), "error", "InvalidSourceException",
    ),
    "open columns": (facts(stream=Stream("logs", "UNCOMPRESSED", True)), "error", "SCHEMA=fixed"),
    "a Datadog layer": (facts(layers=[LAYER, Layer("Datadog-Python313")]), "warning", "Datadog"),
    "an OpenTelemetry variable": (facts({"OTEL_SERVICE_NAME": "x"}), "warning", "OpenTelemetry"),
    "the adapter": (facts({"AWS_LWA_PORT": "80"}), "warning", "middleware"),
    "metrics": (
        facts({"POWERTOOLS_METRICS_NAMESPACE": "x"}, statements=[PUT]), "warning", "metric lines",
    ),
    "undelivered": (
        facts({"FIREHOSE_LOGGING_PASSTHROUGH": "undelivered"}, statements=[PUT]), "error", "go nowhere",
    ),
    "text format": (
        facts({"FIREHOSE_LOGGING_PASSTHROUGH": "undelivered"}, log_format="Text"), "warning", "LogFormat JSON",
    ),
    "VPC": (facts(vpc=True, endpoint=False), "warning", "kinesis-firehose"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name):
    """Each mistake, its level, and words that help."""
    wrong, level, word = WRONG[name]
    found = checks.examine(wrong)

    assert [
        each
        for each in found
        if each.level == level and word in f"{each.what} {each.where} {each.remedy}"
    ]
    assert all(each.what and each.where and each.remedy for each in found)


def test_several_streams():
    """Each needs its permission; together they take more; one name for all of them is enough."""
    several = {"AWS_KINESIS_STREAM_NAME": "logs,logs-2"}
    (found,) = checks.examine(facts(several), load=6_000_000)
    assert found.what == "firehose:PutRecordBatch is not allowed on logs-2"

    alike = {**PUT, "Resource": f"{PUT['Resource']}*"}
    assert checks.examine(facts(several, statements=[alike, LOGS]), load=6_000_000) == []


def test_load_against_the_quota():
    """5 MiB a second in three regions, 1 elsewhere."""
    elsewhere = facts(region="eu-central-1", statements=None)

    assert checks.examine(facts(), load=3_000_000) == []
    assert [each.level for each in checks.examine(facts(), load=4_000_000)] == ["warning"]
    assert [each.level for each in checks.examine(elsewhere, load=2_000_000)] == ["error"]
