"""Lines to count bytes of: ours, those of the runtime's own JSON logging, the platform's events."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from firehose_logging._environment import Environment
from firehose_logging._extension.telemetry import TelemetryReader
from firehose_logging._line import line as _line
from firehose_logging._line.context import Context
from firehose_logging.formatter import JsonFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

#: Bytes of a line with its newline, of the short kind.
SHORT = 200

#: Seconds since the epoch at which the records begin.
_START = 1.79e9
_FUNCTION = {"AWS_LAMBDA_FUNCTION_NAME": "checkout", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST"}

_WORDS = (  # noqa: SIM905 - as prose it can be read
    "order customer payment accepted refused invoice parcel address retry queue cache miss hit "
    "timeout upstream checkout basket coupon shipped cancelled stock reserved released price tax"
).split()


def short_bodies(random: Random) -> Iterator[str]:
    """Bodies of lines of SHORT bytes: when, level, request and a message of random words."""
    number = 0
    request = ""
    while True:
        if number % 5 == 0:
            request = _request_id(random)
        number += 1
        head = (
            f'{{"timestamp":"{_line.timestamp(1.79e9 + number * 0.0137)}","level":"INFO"'
            f',"requestId":"{request}","message":"'
        )
        text = _message(random)
        while len(text) < SHORT:
            text += " " + _message(random)
        rest = len(_line.finish(f'{head}"', number))
        yield f'{head}{text[: SHORT - rest]}"'


def real_bodies(random: Random) -> Iterator[str]:
    """Bodies as the handler makes them: all columns of an invocation, arguments, two extras."""
    context = Context(Environment(_FUNCTION), epoch=lambda: _START)
    context.instance_id = f"{random.getrandbits(64):016x}"
    formatter = JsonFormatter()
    formatter.bind(context)
    for number, record in enumerate(_records(random)):
        if number % 5 == 0:
            context.begin(record.__dict__["aws_request_id"])
        del record.__dict__["aws_request_id"]  # the runtime's filter puts it on later
        head, message, tail = formatter.members(record)
        yield f'{head},"message":"{message}"{tail}'


def runtime_lines(random: Random) -> Iterator[bytes]:
    """The same records as the runtime client's own JSON formatter writes them to CloudWatch."""
    # The runtime's package: not in every environment that imports this module.
    from awslambdaric.lambda_runtime_log_utils import JsonFormatter as RuntimeFormatter

    formatter = RuntimeFormatter()
    for record in _records(random):
        yield formatter.format(record).encode()


def _records(random: Random) -> Iterator[logging.LogRecord]:
    number = 0
    request = ""
    while True:
        if number % 5 == 0:
            request = _request_id(random)
        number += 1
        record = logging.LogRecord(
            random.choice(("app", "app.orders", "app.payment")),
            logging.INFO,
            "/var/task/app.py",
            7,
            "%s in %s ms",
            (_message(random), random.randrange(2_000)),
            None,
        )
        record.created = _START + number * 0.0137
        record.customer = f"c-{random.getrandbits(32):08x}"
        record.attempt = random.randrange(3)
        record.aws_request_id = request
        yield record


def _message(random: Random) -> str:
    words = (random.choice(_WORDS) for _ in range(3 + random.randrange(6)))
    return f"{' '.join(words)} {random.randrange(10**6)}"


def _request_id(random: Random) -> str:
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_REQUEST = "8286a188-ba32-4475-8077-530cd35c09a9"
_TRACING = {
    "spanId": "54565fb41ac79632",
    "type": "X-Amzn-Trace-Id",
    "value": "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1",
}


def _event(kind: str, **record: object) -> dict[str, object]:
    return {"time": "2026-11-23T11:00:00.017Z", "type": f"platform.{kind}", "record": record}


#: What the platform tells of an invocation, as the Telemetry API's documentation shows it.
EVENTS = (
    _event("start", requestId=_REQUEST, version="$LATEST", tracing=_TRACING),
    _event(
        "runtimeDone",
        requestId=_REQUEST,
        status="success",
        tracing=_TRACING,
        spans=[
            {"name": name, "start": "2026-11-23T11:00:00.117Z", "durationMs": 20.02}
            for name in ("responseLatency", "responseDuration")
        ],
        metrics={"durationMs": 40.01, "producedBytes": 15},
    ),
    _event(
        "report",
        requestId=_REQUEST,
        status="success",
        metrics={
            "durationMs": 60.11,
            "billedDurationMs": 61,
            "memorySizeMB": 512,
            "maxMemoryUsedMB": 71,
        },
        tracing=_TRACING,
        spans=[
            {
                "name": "extensionOverhead",
                "start": "2026-11-23T11:00:00.117Z",
                "durationMs": 20.1,
            }
        ],
    ),
)


def platform_lines() -> list[bytes]:
    """Our lines of EVENTS."""
    reader = TelemetryReader(Context(Environment(_FUNCTION)))
    bodies, _, bad = reader.read(json.dumps(EVENTS).encode(), 1.79e9)
    if bad or len(bodies) != len(EVENTS):
        raise ValueError("an event of the documentation was not read")
    return [_line.finish(body, 1_000 + number) for number, body in enumerate(bodies)]


def platform_events() -> list[bytes]:
    """EVENTS as they stand in CloudWatch with JSON logging."""
    return [json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in EVENTS]
