"""Durable executions, with AWS's own SDK in the function and boto3 outside."""

from __future__ import annotations

import json
import sys

import boto3
import pytest
from botocore.config import Config

from local_lambda.asynchronous import AsynchronousInvocations
from local_lambda.environment import LocalLambda
from local_lambda.environments import Environments
from local_lambda.function import Function
from local_lambda.http_server import HttpServer
from local_lambda.invoke_api import InvokeApi
from local_lambda.service import Service
from support import versions
from support.local_lambda_fixtures import texts, write_function
from support.neighbours import FOLDER
from tools import clients
from tools.libraries import REQUIREMENTS

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the SDK needs Python 3.11"),
]

SOURCE = """
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration


@durable_execution
def handler(event, context: DurableContext):
    print("from the top", flush=True)

    def first(_):
        print("first step", flush=True)
        return event["n"] + 1

    number = context.step(first, name="first")
    context.wait(Duration.from_seconds(1), name="pause")

    def second(_):
        print("second step", flush=True)
        if event.get("fail"):
            raise ValueError("as told")
        return number * 10

    return {"number": context.step(second, name="second")}
"""


@pytest.fixture
def served(tmp_path):
    """A service with one durable function: the client, and its environments as they are made."""
    try:
        packages = clients.packages(
            f"durable-py{versions.RUNNING}",
            versions.RUNNING,
            *REQUIREMENTS["durable"],
            folder=FOLDER,
        )
    except clients.UnavailableError as error:
        pytest.skip(str(error))
    code = write_function(tmp_path / "function", SOURCE)
    for package in packages.iterdir():
        (code / package.name).symlink_to(package)
    made: list[LocalLambda] = []
    servers: list[HttpServer] = []

    def make(function: Function) -> LocalLambda:
        url = f"http://127.0.0.1:{servers[0].port}"
        settings = {"environment": {"AWS_ENDPOINT_URL_LAMBDA": url}, "timeout": 30.0}
        made.append(
            LocalLambda(
                Function(function.code, "app.handler", copy_code=False, memory_mb=512, **settings)
            )
        )
        return made[-1]

    function = Function(code, "app.handler", durable=True)
    service = Service([Environments(function, limit=2, make=make)])
    asynchronous = AsynchronousInvocations(service.attempt)
    servers.append(HttpServer(InvokeApi(service, asynchronous).handle, name="test"))
    client = boto3.session.Session().client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{servers[0].port}",
        region_name="eu-west-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(read_timeout=50, retries={"total_max_attempts": 1}),
    )
    yield client, made
    client.close()
    asynchronous.close()
    service.close()
    servers[0].close()


def test_finished_steps_are_replayed(served):
    """After the wait the handler runs from the top; the first step is not run again."""
    client, made = served

    answer = client.invoke(FunctionName="local-function", Payload=b'{"n": 1}')

    assert json.loads(answer["Payload"].read()) == {"number": 20}
    assert "FunctionError" not in answer
    lines = [text for env in made for text in texts(env, "stdout")]
    assert [line for line in lines if "step" in line or "top" in line] == [
        "from the top", "first step", "from the top", "second step"
    ]  # fmt: skip
    assert len({event.record["requestId"] for env in made for event in env.telemetry
                if event.type == "platform.start"}) == 2  # fmt: skip


def test_what_is_not_there_is_refused(served):
    """An execution that is not known is a 404."""
    client, _ = served

    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_durable_execution_state(
            DurableExecutionArn="arn:aws:lambda:eu-west-1:012345678912:function:f:1/"
            "durable-execution/a/b",
            CheckpointToken="x",
        )
