"""Every setting in a whole environment: what it changes, and that every line still arrives."""

from __future__ import annotations

import gzip
import json
import re
import socket
from typing import Any

import pytest

from support.e2e_lambda import deployed, open_firehose
from support.e2e_lines import Said, assert_whole, platform, said_by

pytestmark = pytest.mark.e2e

STEPS: list[Any] = [
    ["log", "DEBUG", "debugged"],
    ["log", "INFO", "informed"],
    ["log", "WARNING", "careful"],
    ["print", "printed"],
    ["stderr", "to stderr"],
    ["warn", "mind the gap"],
    ["raise", "ValueError", "broken"],
]
SAID = said_by(STEPS, 1)

#: Where a line of the function comes from -> the capture that takes it.
CAPTURED_BY = {"user": "logging", "stdout": "stdout", "stderr": "stderr", "py.warnings": "stderr",
               "awslambdaric": "errors"}  # fmt: skip


@pytest.mark.parametrize("framed", [True, False], ids=["framed", "unframed"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_passthrough_off(log_format: str, framed: bool) -> None:
    """Nothing that was captured goes to the runtime's own output; all of it is in the bucket."""
    variables = {"FIREHOSE_LOGGING_PASSTHROUGH": "off"}
    options = {"log_format": log_format, "framed_log_fd": framed, "log_level": "DEBUG"}
    with deployed(environment=variables, **options) as run:
        run.do(*STEPS)
        run.do(["write", "no line end"])
        run.shutdown()

        run.expect(*SAID, Said(2, "INFO", "stdout", "no line end"))
        assert [event.text for event in run.env.output] == []


@pytest.mark.parametrize("framed", [True, False], ids=["framed", "unframed"])
@pytest.mark.parametrize(
    "capture",
    ["logging", "stdout", "stderr", "errors", "logging,errors", "stdout, stderr", "off"],
)
def test_capture(capture: str, framed: bool) -> None:
    """What is named is captured and nothing else is; CloudWatch has everything as ever."""
    variables = {"FIREHOSE_LOGGING_CAPTURE": capture}
    names = {name.strip() for name in capture.split(",")}
    with deployed(environment=variables, framed_log_fd=framed) as run:
        run.do(*STEPS)
        run.shutdown()

        run.expect(*(said for said in SAID if CAPTURED_BY[said.logger] in names))
        shown = "\n".join(event.text for event in run.env.output)
        for said in SAID:
            assert said.message in shown
        assert platform(run.lines, "report")


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_passthrough_off_during_init(log_format: str) -> None:
    """What a module says while it is imported is kept from CloudWatch, too, and its error."""
    variables = {"FIREHOSE_LOGGING_PASSTHROUGH": "off"}
    with deployed("init_error", variables, log_format=log_format) as run:
        run.invoke()
        run.shutdown()

        assert [event.text for event in run.env.output] == []
        assert len([line for line in run.lines if line.get("errorType")]) == 2


def test_passthrough_off_with_install() -> None:
    """install() in the function's module comes after the runtime's set-up and holds it back."""
    variables = {
        "FIREHOSE_LOGGING_PASSTHROUGH": "off",
        "AWS_LAMBDA_EXEC_WRAPPER": None,
        "SETUP": "by_install",
    }
    with deployed("own_logging", variables) as run:
        run.invoke({"raise": True})
        run.shutdown()

        assert [event.text for event in run.env.output] == []
        assert len(run.said) == 4


def test_capture_with_passthrough_off_leaves_the_rest() -> None:
    """What is not captured still goes to CloudWatch when passthrough is off."""
    variables = {"FIREHOSE_LOGGING_PASSTHROUGH": "off", "FIREHOSE_LOGGING_CAPTURE": "stdout"}
    with deployed(environment=variables) as run:
        run.do(*STEPS)
        run.shutdown()

        run.expect(Said(1, "INFO", "stdout", "printed"))
        shown = "\n".join(event.text for event in run.env.output)
        for said in SAID:
            assert (said.message in shown) == (said.logger != "stdout")


@pytest.mark.parametrize("api", ["telemetry", "logs"])
def test_telemetry_off(api: str) -> None:
    """Without telemetry the function's lines arrive, and the platform's do not."""
    variables = {"FIREHOSE_LOGGING_TELEMETRY": "off", "FIREHOSE_LOGGING_TELEMETRY_API": api}
    with deployed(environment=variables) as run:
        run.do(*STEPS)
        run.shutdown()

        run.expect(*SAID)
        assert {line["type"] for line in run.lines} == {"function"}


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("api", ["telemetry", "logs"])
def test_function_telemetry(api: str, log_format: str) -> None:
    """The platform's copy of the output takes the place of the capture: each line once."""
    variables = {
        "FIREHOSE_LOGGING_TELEMETRY": "platform,function",
        "FIREHOSE_LOGGING_TELEMETRY_API": api,
    }
    with deployed(environment=variables, log_format=log_format, log_level="DEBUG") as run:
        run.do(*STEPS)
        run.do(["print", "again"])
        run.shutdown()

        lines = [line for line in run.lines if line["type"] == "function"]
        texts = [str(line.get("message") or json.dumps(line.get("record"))) for line in lines]
        assert len(texts) == len(run.env.output)
        for said in (*SAID, Said(2, "INFO", "stdout", "again")):
            shown = said.message.removeprefix("ValueError: ")
            if log_format == "JSON" and said.logger == "user":
                shown = f'"message": "{shown}"'
            assert len([text for text in texts if shown in text]) == 1, (said, texts)
        ids = {line["requestId"] for line in lines}
        assert ids == {answer.request_id for answer in run.answers}
        assert_whole(run.lines)
        assert not run.told


def test_function_telemetry_and_capture_when_both_are_asked_for() -> None:
    """Who asks for both gets both; the capture never sees the platform's copy."""
    variables = {
        "FIREHOSE_LOGGING_TELEMETRY": "function",
        "FIREHOSE_LOGGING_CAPTURE": "logging",
    }
    with deployed(environment=variables) as run:
        run.do(["log", "INFO", "once each"])
        run.shutdown()

        (_, _) = [line for line in run.lines if "once each" in str(line.get("message"))]
        assert_whole(run.lines)


def test_extension_telemetry() -> None:
    """A subscription to other extensions' output brings nothing of the function's."""
    variables = {"FIREHOSE_LOGGING_TELEMETRY": "extension"}
    with deployed(environment=variables) as run:
        run.do(*STEPS)
        run.do(["log", "INFO", "more"])
        run.shutdown()

        run.expect(*SAID, Said(2, "INFO", "user", "more"))
        assert {line["type"] for line in run.lines} == {"function"}


def test_logs_api() -> None:
    """The older API tells start, runtimeDone, end and report of every invocation."""
    with deployed(environment={"FIREHOSE_LOGGING_TELEMETRY_API": "logs"}) as run:
        run.do(*STEPS)
        run.do(["log", "INFO", "more"])
        run.shutdown()

        run.expect(*SAID, Said(2, "INFO", "user", "more"))
        ids = [answer.request_id for answer in run.answers]
        for kind in ("start", "runtimeDone", "end", "report"):
            assert [line["requestId"] for line in platform(run.lines, kind)] == ids


@pytest.mark.parametrize("transport", ["direct", "boto3"])
def test_gzip(transport: str) -> None:
    """Each Firehose record is one gzip member; joined in the bucket they are one file."""
    variables = {
        "FIREHOSE_LOGGING_COMPRESSION": "gzip",
        "FIREHOSE_LOGGING_TRANSPORT": transport,
        "FIREHOSE_LOGGING_FLUSH": "end",
    }
    with (
        open_firehose(file_extension=".gz") as firehose,
        deployed(environment=variables, firehose=firehose) as run,
    ):
        run.do(*STEPS)
        run.do(["logs", "INFO", 5_000])
        run.shutdown()

        run.expect(*SAID, *said_by([["logs", "INFO", 5_000]], 2))
        (item,) = firehose.stream("logs").objects()
        assert len(gzip.decompress(item.body)) > 5 * len(item.body)


@pytest.mark.parametrize(
    ("variable", "level"),
    [("FIREHOSE_LOGGING_LEVEL", "WARNING"), ("FIREHOSE_LOGGING_LEVEL", "30"), (None, "WARN")],
)
def test_level(variable: str | None, level: str) -> None:
    """Records below the level are not sent; our own variable leaves CloudWatch's level alone."""
    options: dict[str, Any] = {} if variable else {"log_level": level}
    with deployed(environment={variable: level} if variable else {}, **options) as run:
        run.do(*STEPS)
        run.shutdown()

        run.expect(*(s for s in SAID if s.logger != "user" or s.level not in ("DEBUG", "INFO")))
        if variable:
            assert any("informed" in event.text for event in run.env.output)


def test_levels_by_logger() -> None:
    """A logger's level that a variable names holds, for CloudWatch as for the stream."""
    with deployed(environment={"FIREHOSE_LOGGING_LEVELS": "shop.db=DEBUG,noisy=ERROR"}) as run:
        run.do(
            ["log_to", "shop.db", "DEBUG", "a query"],
            ["log_to", "noisy", "WARNING", "never mind"],
            ["log_to", "other", "INFO", "below the root's level"],
        )
        run.shutdown()

        run.expect(Said(1, "DEBUG", "shop.db", "a query"))
        assert [event.text.rstrip().endswith("a query") for event in run.env.output] == [True]


def test_passthrough_for_metrics() -> None:
    """Printed lines of embedded metrics still reach CloudWatch, and nothing else does."""
    metrics = json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{}]}, "sold": 3})
    with deployed(environment={"FIREHOSE_LOGGING_PASSTHROUGH": "metrics"}) as run:
        run.do(["print", metrics], *STEPS)
        run.shutdown()

        assert [event.text.strip() for event in run.env.output] == [metrics]
        (line,) = (line for line in run.lines if line.get("sold"))
        assert (line["logger"], "_aws" in line, "message" in line) == ("stdout", True, False)


def test_fields() -> None:
    """Columns of the user's own, and those that the platform knows, are on every line."""
    names = ("accountId", "region", "functionArn", "memorySize", "logStream")
    variables = {"FIREHOSE_LOGGING_FIELDS": f"service=shop,{','.join(names)}"}
    with deployed(environment=variables) as run:
        run.do(
            ["log", "INFO", "x", {"Service": "mine"}], ["print", "y"], ["raise", "KeyError", "z"]
        )
        run.shutdown()

        told = run.lines[0]
        assert told["functionArn"].endswith(f":{told['accountId']}:function:{told['functionName']}")
        assert isinstance(told["memorySize"], int)
        for line in run.lines:
            assert line["service"] == "shop"
            assert [line[name] for name in names] == [told[name] for name in names]
        (logged,) = (line for line in run.lines if line.get("message") == "x")
        assert logged["extra"] == {"Service": "mine"}


def test_fixed_schema() -> None:
    """Messages and platform payloads are text, extras JSON text in one column."""
    with deployed(environment={"FIREHOSE_LOGGING_SCHEMA": "fixed"}) as run:
        run.do(["log", "INFO", {"a": [1]}, {"b": {"c": 2}, "d": "e"}], ["print", "y"])
        run.shutdown()

        (logged,) = (line for line in run.lines if line["logger"] == "user")
        assert json.loads(logged["message"]) == {"a": [1]}
        assert json.loads(logged["extra"]) == {"b": {"c": 2}, "d": "e"}
        (report,) = platform(run.lines, "report")
        assert json.loads(report["record"])["metrics"]["memorySizeMB"]
        flat = (str, int, float, bool, list)
        assert all(type(value) in flat for line in run.lines for value in line.values())


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_custom_levels(log_format: str) -> None:
    """A level of the function's own keeps its name, in JSON too, where Lambda rounds it down."""
    steps = [["add_level", 25, "NOTICE"], ["log", "NOTICE", "hear ye"]]
    with deployed(log_format=log_format, log_level="INFO") as run:
        run.do(*steps)
        run.shutdown()

        run.expect(Said(1, "NOTICE", "user", "hear ye"))
        assert any("hear ye" in event.text for event in run.env.output)


def test_trace_and_tenant() -> None:
    """Trace id and tenant of an invocation are on its lines, and on no others."""
    root = "1-5759e988-bd862e3fe1be46a994272793"
    with deployed() as run:
        run.do(["log", "INFO", "x"], trace_id=f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1")
        run.do(["log", "INFO", "y"], tenant_id="blue", trace_id="")
        run.shutdown()
        x, y = [line for line in run.lines if line["type"] == "function"]

        assert x["traceId"] == root
        assert "tenantId" not in x
        assert y["tenantId"] == "blue"
        assert "traceId" not in y


def test_the_default_port() -> None:
    """Without a variable the listener is where the documentation says."""
    try:
        socket.create_server(("", 1234)).close()
    except OSError:
        pytest.skip("port 1234 of this machine is taken")
    with deployed(environment={"HTTP_LOGS_LISTENER_PORT": None}) as run:
        run.do(["log", "INFO", "x"])
        run.shutdown()
        if run.told:
            pytest.skip("port 1234 of this machine was taken meanwhile")
        assert platform(run.lines, "report")


def test_a_small_buffer_holds_what_passes_through() -> None:
    """Ten times the buffer in one invocation: delivered meanwhile, or counted as lost, and told."""
    variables = {"FIREHOSE_LOGGING_BUFFER_BYTES": "65536"}
    with deployed(environment=variables) as run:
        run.do(["logs", "INFO", 3_000])
        run.do(["log", "INFO", "after"])
        run.shutdown()
        lines = run.lines
        lost = sum(sum(line["lost"].values()) for line in lines if "lost" in line)
        logged = [line for line in lines if line.get("logger") == "user"]
        highest = max(line["seq"] for line in lines)

        assert len({line["seq"] for line in lines}) == len(lines)
        assert highest - len(lines) == lost
        assert lost == 0 or any("were lost" in str(line.get("message")) for line in lines)
        assert logged[-1]["message"] == "after"
        assert re.fullmatch(r"line \d+", logged[-2]["message"])
        assert 3_001 - len(logged) <= lost
