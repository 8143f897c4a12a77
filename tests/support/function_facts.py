"""What is known of a sound function, for tests of what is wrong with others."""

from __future__ import annotations

from typing import Any

from firehose_logging._cli.facts import Facts, Layer, Stream

SOUND = {"AWS_KINESIS_STREAM_NAME": "logs", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose_wrapper"}
PUT = {
    "Effect": "Allow",
    "Action": "firehose:PutRecordBatch",
    "Resource": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs",
}
LOGS = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
LAYER = Layer("firehose-logging", ["python3.13"], ["arm64"])


def facts(more: dict[str, str] | None = None, **values: Any) -> Facts:
    """A sound function, with something changed."""
    sound = {
        "layers": [LAYER], "runtime": "python3.13", "architecture": "arm64", "region": "eu-west-1",
        "statements": [PUT, LOGS], "stream": Stream("logs", "GZIP", False), "log_format": "JSON",
    }  # fmt: skip
    return Facts("shop", {**SOUND, **(more or {})}, **{**sound, **values})
