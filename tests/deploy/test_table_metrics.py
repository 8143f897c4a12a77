"""TableMetrics=true: losses, failed invocations and cold starts out of the table, as metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firehose_logging.errors import LOSS_REASONS
from local_firehose import Fault
from support import cloudformation, iam
from support.athena_server import AwsServer, aws_server
from support.e2e_lambda import deployed
from support.wiring import DEPLOY
from tools import query_template, table_metrics

TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"
BUCKET = "arn:aws:s3:::logs"
OURS = "arn:aws:{}:eu-central-1:123456789012:{}".format
#: The templates that have it, with what they need besides.
TEMPLATES: dict[str, dict[str, str]] = {
    "table.yaml": {"BucketName": "logs", "AlarmTopicArn": TOPIC},
    "template.yaml": {"AlarmTopicArn": TOPIC},
}


def resources(template: str = "table.yaml", **parameters: str) -> dict[str, Any]:
    """The resources of a template with TableMetrics=true."""
    path = cloudformation.TEMPLATE if template == "template.yaml" else DEPLOY / template
    given = {"TableMetrics": "true", **TEMPLATES[template], **parameters}
    found: dict[str, Any] = cloudformation.resolve(given, path)["Resources"]
    return found


# -- the templates ----------------------------------------------------------------------------


def test_the_parts_table_is_the_wholes() -> None:
    """Database, table, views and queries are one text: both templates are made by one tool."""
    whole = cloudformation.resolve({"TableMetrics": "true"})["Resources"]
    alone = resources(BucketName="stack-logbucket", AlarmTopicArn="")

    assert query_template.renewed(query_template.PART.read_text(), part=True) == (
        query_template.PART.read_text()
    )
    # The part may have a key of one's own, and then one statement more.
    assert alone == {name: whole[name] for name in alone}
    made = {name for name, one in whole.items() if "Athena" in one["Type"] or "Glue" in one["Type"]}
    assert made <= set(alone)


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_is_off_and_says_what_it_costs(template: str) -> None:
    """What costs money by itself is asked for."""
    path = cloudformation.TEMPLATE if template == "template.yaml" else DEPLOY / template
    parameter = cloudformation.load(path)["Parameters"]["TableMetrics"]
    usual = cloudformation.resolve(TEMPLATES[template], path)["Resources"]

    assert parameter["Default"] == "false"
    assert "USD a month" in parameter["Description"]
    assert not {name for name in usual if name.startswith("TableMetrics") or name == "LossAlarm"}


def test_the_template_holds_the_file() -> None:
    """What is deployed is deploy/table_metrics.py, and fits where CloudFormation takes it."""
    code = resources()["TableMetricsFunction"]["Properties"]["Code"]["ZipFile"]

    assert code == table_metrics.CODE.read_text()
    assert len(code) <= table_metrics.MOST


# -- what its role may do ---------------------------------------------------------------------

GLUE = [OURS("glue", one) for one in ("catalog", "database/firehose_logging")]
GLUE.append(OURS("glue", "table/firehose_logging/lines"))
WORKGROUP = OURS("athena", "workgroup/stack")
#: Every call that the function makes, or Athena and Lambda make in its name.
CALLS = [
    *(("athena:" + one, WORKGROUP) for one in (
        "StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution",
    )),
    *(("glue:GetTable", one) for one in GLUE),
    ("s3:GetBucketLocation", BUCKET),
    ("s3:ListBucket", BUCKET),
    ("s3:GetObject", f"{BUCKET}/firehose/2026/11/29/01/x"),
    ("s3:PutObject", f"{BUCKET}/athena-results/x.csv"),
    ("s3:GetObject", f"{BUCKET}/athena-results/x.csv"),
    ("cloudwatch:PutMetricData", "*"),
    ("logs:PutLogEvents", OURS("logs", "log-group:/aws/lambda/stack-TableMetrics:log-stream:x")),
]  # fmt: skip
OTHERS = [
    ("s3:PutObject", f"{BUCKET}/firehose/x"),
    ("s3:DeleteObject", f"{BUCKET}/athena-results/x.csv"),
    ("s3:GetObject", f"{BUCKET}/other/x"),
    ("athena:StartQueryExecution", OURS("athena", "workgroup/primary")),
    ("glue:GetTable", OURS("glue", "table/others/lines")),
    ("glue:UpdateTable", GLUE[-1]),
    ("logs:PutLogEvents", OURS("logs", "log-group:/aws/lambda/orders:log-stream:x")),
    ("kms:Decrypt", KEY),
]
NAMESPACE = {"cloudwatch:namespace": "firehose-logging"}


@pytest.mark.parametrize(("action", "resource"), CALLS)
def test_its_role_may_make_its_calls(action: str, resource: str) -> None:
    """Each call that is really made is allowed."""
    policies = iam.policies_of(resources()["TableMetricsRole"]["Properties"])

    assert iam.decide(policies, action, resource, NAMESPACE) == iam.ALLOWED


@pytest.mark.parametrize(("action", "resource"), OTHERS)
def test_and_no_others(action: str, resource: str) -> None:
    """Not the logs themselves, nor what is others'."""
    policies = iam.policies_of(resources()["TableMetricsRole"]["Properties"])

    assert iam.decide(policies, action, resource, NAMESPACE) == iam.IMPLICIT_DENY


def test_only_metrics_of_one_namespace() -> None:
    """It cannot write another's metrics."""
    policies = iam.policies_of(resources()["TableMetricsRole"]["Properties"])
    others = {"cloudwatch:namespace": "AWS/Lambda"}

    assert iam.decide(policies, "cloudwatch:PutMetricData", "*", others) == iam.IMPLICIT_DENY


def test_a_key_of_your_own_may_be_used() -> None:
    """Objects that are encrypted with it can be read."""
    policies = iam.policies_of(resources(KmsKeyArn=KEY)["TableMetricsRole"]["Properties"])

    assert iam.decide(policies, "kms:Decrypt", KEY) == iam.ALLOWED
    assert iam.decide(policies, "kms:Decrypt", KEY + "2") == iam.IMPLICIT_DENY


# -- the function, run ------------------------------------------------------------------------


class Context:
    """What the function asks of Lambda."""

    def __init__(self, left: int = 300_000) -> None:
        self.left = left

    def get_remaining_time_in_millis(self) -> int:
        return self.left


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AwsServer]:
    """Athena over an empty folder."""
    with aws_server(tmp_path / "firehose") as running:
        yield running


@pytest.fixture
def handler(server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The function as the template has it: its text, and its variables."""
    function = resources()["TableMetricsFunction"]["Properties"]
    for name, value in {
        **function["Environment"]["Variables"],
        "AWS_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    exec(compile(function["Code"]["ZipFile"], "index.py", "exec"), names)
    names["time"] = SimpleNamespace(sleep=lambda seconds: None)  # nobody waits here
    handle: Callable[..., dict[str, Any]] = names[function["Handler"].partition(".")[2]]
    return handle


#: The logger of lines that tell losses.
OURS_ = "firehose_logging"
#: As EventBridge sends it for a schedule.
EVENT = {"detail-type": "Scheduled Event", "time": "2026-11-29T02:20:00Z", "detail": {}}


def put(server: AwsServer, hour: str, *lines: dict[str, Any]) -> None:
    """An object of lines that arrived in an hour."""
    folder = server.bucket / f"2026/11/29/{hour}"
    folder.mkdir(parents=True)
    common = {"type": "function", "timestamp": f"2026-11-29T{hour}:00:00.000000Z"}
    (folder / "object").write_text("".join(json.dumps(common | line) + "\n" for line in lines))


def values(server: AwsServer) -> dict[str, float]:
    """What was put, by metric."""
    return {name: one["Value"] for name, one in server.metrics.items()}


def test_what_the_lines_of_an_hour_tell(
    server: AwsServer, handler: Callable[..., dict[str, Any]]
) -> None:
    """The hour before is counted, no other; each kind of loss, an invocation once."""
    lost = dict.fromkeys(LOSS_REASONS, 2)
    put(
        server, "01",
        {"instanceId": "a", "requestId": "1", "coldStart": True, "level": "INFO"},
        {"instanceId": "a", "requestId": "1", "coldStart": True, "level": "ERROR"},
        {"instanceId": "a", "requestId": "1", "coldStart": True, "level": "CRITICAL"},
        {"instanceId": "a", "requestId": "2", "coldStart": False, "level": "ERROR"},
        {"instanceId": "b", "requestId": "3", "coldStart": True, "level": "INFO"},
        {"instanceId": "b", "logger": OURS_, "level": "WARNING", "lost": lost},
        {"instanceId": "b", "logger": OURS_, "level": "WARNING", "diverted": {"refused": 7}},
        {"instanceId": "b", "logger": "shop", "lost": {"refused": 9}},  # what is lost in a shop
        {"instanceId": "b", "type": "platform.logsDropped", "record": {"droppedRecords": 5}},
        {"instanceId": "b", "message": '{"lost": {"refused": 9}}'},
    )  # fmt: skip
    put(server, "00", {"instanceId": "c", "logger": OURS_, "lost": {"refused": 100}})
    put(server, "02", {"instanceId": "d", "coldStart": True, "level": "ERROR"})
    said = handler(EVENT, Context())

    assert values(server) == {
        "firehose-logging/LostLines": 2.0 * len(LOSS_REASONS) + 5,
        "firehose-logging/FailedInvocations": 2.0,
        "firehose-logging/ColdStarts": 2.0,
    }
    assert said["hour"] == "2026/11/29/01"


@pytest.mark.e2e
def test_what_a_function_really_tells(
    server: AwsServer, handler: Callable[..., dict[str, Any]]
) -> None:
    """Firehose refuses a record for good; the line that tells it later is what is counted."""
    with deployed("scripted") as run:
        run.firehose.faults.set(Fault.invalid_argument())
        run.do(("log", "INFO", "refused"))
        run.firehose.faults.clear()
        run.do(("log", "INFO", "taken"), ("raise", "ValueError", "wrong"))
        run.shutdown()
        lines = run.lines
    told = sum(sum(line["lost"].values()) for line in lines if "lost" in line)
    put(server, "01", *lines)
    handler(EVENT, Context())

    assert told > 0
    assert values(server) == {
        "firehose-logging/LostLines": float(told),
        "firehose-logging/FailedInvocations": 1.0,
        "firehose-logging/ColdStarts": float(any(line.get("coldStart") for line in lines)),
    }


def test_an_hour_without_lines(server: AwsServer, handler: Callable[..., dict[str, Any]]) -> None:
    """Nothing is zero, not missing."""
    handler({**EVENT, "time": "2026-11-29T00:20:00Z"}, Context())

    assert set(values(server).values()) == {0.0}
    assert "hour = '2026/11/28/23'" in server.queries[0]


def test_it_waits_for_the_answer(server: AwsServer, handler: Callable[..., dict[str, Any]]) -> None:
    """A query that queues and runs is asked for again."""
    server.states = ["QUEUED", "RUNNING", "RUNNING"]
    handler(EVENT, Context())

    assert server.calls.count("athena:GetQueryExecution") == 4
    assert len(server.metrics) == 3


@pytest.mark.parametrize("outcome", ["FAILED", "CANCELLED"])
def test_a_query_that_fails_is_an_error(
    server: AwsServer, handler: Callable[..., dict[str, Any]], outcome: str
) -> None:
    """It raises, which is Lambda's metric Errors, which the alarm looks at; nothing is put."""
    server.outcome = outcome
    with pytest.raises(RuntimeError, match=f"said {outcome}"):
        handler(EVENT, Context())

    assert not server.metrics


def test_a_query_without_end_is_stopped(
    server: AwsServer, handler: Callable[..., dict[str, Any]]
) -> None:
    """Before the function's own end, so that it costs no more."""
    server.outcome = "RUNNING"
    with pytest.raises(TimeoutError):
        handler(EVENT, Context(left=4_000))

    assert server.calls[-1] == "athena:StopQueryExecution"


def test_every_call_is_one_that_the_role_has(
    server: AwsServer, handler: Callable[..., dict[str, Any]]
) -> None:
    """What it called above is in the list that IAM's rule was asked for."""
    server.states = ["QUEUED"]
    handler(EVENT, Context())

    assert {one.replace("cloudwatch:", "") for one in server.calls} <= {
        action.replace("cloudwatch:", "") for action, _ in CALLS
    }


# -- alarm and dashboard ----------------------------------------------------------------------


def test_metrics_alarm_and_dashboard_have_one_name(
    server: AwsServer, handler: Callable[..., dict[str, Any]]
) -> None:
    """What is put is what the alarm watches and the dashboard shows, dimension and all."""
    handler(EVENT, Context())
    put_ = {
        (*name.split("/"), one["Dimensions"][0]["Name"], one["Dimensions"][0]["Value"])
        for name, one in server.metrics.items()
    }
    alarm = resources()["LossAlarm"]["Properties"]
    (lost,) = [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if one["Id"] == "lost"]
    bodies = [
        cloudformation.resolve({"Dashboard": "true", "TableMetrics": "true"}),
        cloudformation.resolve(
            {"Dashboard": "true", "TableMetricsDatabase": "firehose_logging"},
            DEPLOY / "alarms.yaml",
        ),
    ]

    assert (lost["Namespace"], lost["MetricName"], *lost["Dimensions"][0].values()) in put_
    for body in bodies:
        text = body["Resources"]["LogDashboard"]["Properties"]["DashboardBody"]
        shown = [one["properties"].get("metrics", []) for one in json.loads(text)["widgets"]]
        flat = {
            tuple(metric)
            for metrics in shown
            for metric in metrics
            if len(metric) == 4 and isinstance(metric[-1], str)
        }
        assert put_ <= flat


def test_it_is_asked_each_hour_after_the_last_object() -> None:
    """Twenty minutes past: the longest buffering of a stream is 900 seconds."""
    made = resources()
    rule = made["TableMetricsSchedule"]["Properties"]
    permission = made["TableMetricsPermission"]["Properties"]
    longest = cloudformation.load(DEPLOY / "stream.yaml")["Parameters"]["FirehoseBufferingInterval"]

    assert rule["ScheduleExpression"] == "cron(20 * * * ? *)"
    assert longest["MaxValue"] < 20 * 60
    assert permission["Principal"] == "events.amazonaws.com"
    assert made["LossAlarm"]["Properties"]["AlarmActions"] == [TOPIC]
