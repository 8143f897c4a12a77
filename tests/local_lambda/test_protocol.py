"""Details of the APIs that clients rely on: tracing, attempts, metadata, instance ids."""

from __future__ import annotations

import http.client
import re

import pytest

from local_lambda import Function, LocalLambda
from support.local_lambda_fixtures import (
    TELEMETRY,
    Listener,
    held_init,
    records,
    stub_function,
    write_function,
)

pytestmark = pytest.mark.e2e

METADATA = "/2026-01-15/metadata/execution-environment"
SHOW = """
import os


def handler(event, context):
    return {name: value for name, value in os.environ.items() if "METADATA" in name}
"""


def test_a_trace_id_by_default(tmp_path):
    """Who sends none gets one that is not sampled; telemetry names its span; "" sends none."""
    with LocalLambda(stub_function(tmp_path)) as env:
        fields = env.invoke({}).payload["fields"]
        bare = env.invoke({}, trace_id="").payload["fields"]

    trace = fields["lambda-runtime-trace-id"]
    assert re.fullmatch(r"root=1-[0-9a-f]{8}-[0-9a-f]{24};parent=[0-9a-f]{16};sampled=0", trace)
    assert "lambda-runtime-trace-id" not in bare
    first, second = records(env, "platform.start")
    assert re.fullmatch("[0-9a-f]{16}", first["tracing"]["spanId"])
    assert first["tracing"]["value"].lower() == trace
    assert first["tracing"] == records(env, "platform.report")[0]["tracing"]
    assert "tracing" not in second


def test_start_names_the_function(tmp_path):
    """platform.start has the ARN that was invoked."""
    function = stub_function(tmp_path, name="mine")
    with LocalLambda(function) as env:
        env.invoke({})

    assert records(env, "platform.start")[0]["functionArn"] == function.arn


def test_each_attempt_has_an_id_of_its_own(tmp_path):
    """Two invocations differ in the id of the attempt, which is none of the request's."""
    with LocalLambda(stub_function(tmp_path)) as env:
        one, two = (env.invoke({}).payload["fields"] for _ in range(2))

    attempts = {fields["lambda-runtime-invocation-id"] for fields in (one, two)}
    assert len(attempts | {one["lambda-runtime-aws-request-id"]}) == 3


def test_types_are_told_in_the_order_asked_and_a_slash_may_follow(tmp_path):
    """A client that ends the path with a slash subscribes too; the types come back as asked."""
    with held_init(tmp_path) as held, Listener() as listener:
        types = ["function", "platform", "function"]
        answer = held.api.subscribe(
            held.api.identifier(),
            listener.port,
            f"{TELEMETRY}/",
            types=types,
            schemaVersion="2022-12-13",
        )
        env = held.env

    assert answer.status == 200, answer.raw
    (record,) = records(env, "platform.telemetrySubscription")
    assert record["types"] == ["function", "platform"]


def test_the_metadata_endpoint(tmp_path):
    """With the token the variable holds it tells the availability zone, without it nothing."""
    code = write_function(tmp_path / "function", SHOW)
    with LocalLambda(Function(code, "app.handler", availability_zone="apse1-az2")) as env:
        variables = env.invoke({}).payload
        env.thaw()
        answers = []
        for token in (variables["AWS_LAMBDA_METADATA_TOKEN"], "another"):
            connection = http.client.HTTPConnection(variables["AWS_LAMBDA_METADATA_API"])
            connection.request("GET", METADATA, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
            connection.close()

    assert answers[0] == (200, b'{"AvailabilityZoneID": "apse1-az2"}')
    assert answers[1][0] == 401


def test_a_restored_environment_is_another_instance(tmp_path):
    """Each copy of a snapshot has an instance id of its own."""
    code = write_function(tmp_path / "function", SHOW)
    function = Function(code, "app.handler", initialization_type="snap-start", timeout=30)
    with LocalLambda(function) as env:
        env.invoke({})
        env.restore()

    started = records(env, "platform.initStart") + records(env, "platform.restoreStart")
    assert len({record["instanceId"] for record in started}) == len(started) == 3
