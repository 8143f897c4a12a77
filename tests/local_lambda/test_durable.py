"""Durable executions, with AWS's own SDK in the function and boto3 outside."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

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
from tools.waiting import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the SDK needs Python 3.11"),
]

SOURCE = """
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration
from aws_durable_execution_sdk_python.exceptions import CallbackError


@durable_execution
def handler(event, context: DurableContext):
    print("from the top", flush=True)

    def first(_):
        print("first step", flush=True)
        return event["n"] + 1

    if "call" in event:
        return {"other": context.invoke(event["call"], {"n": event["n"]}, name="chained")}
    if "callback" in event:
        patience = {name: Duration.from_seconds(event[name])
                    for name in ("timeout", "heartbeat_timeout") if name in event}
        asked = context.create_callback(name="ask", config=CallbackConfig(**patience))
        print("callback", asked.callback_id, flush=True)
        try:
            return {"said": asked.result()}
        except CallbackError as error:
            return {"failed": type(error).__name__, "why": str(error)}
    number = context.step(first, name="first")
    context.wait(Duration.from_seconds(1), name="pause")

    def second(_):
        print("second step", flush=True)
        if event.get("fail"):
            raise ValueError("as told")
        return number * 10

    return {"number": context.step(second, name="second")}
"""

OTHER = """
def handler(event, context):
    if event["n"] < 0:
        raise ValueError("less than nothing")
    return event["n"] * 2
"""


@pytest.fixture
def served(tmp_path):
    """A service with a durable function and another: the client, and environments as made."""
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
        made.append(LocalLambda(replace(function, environment={"AWS_ENDPOINT_URL_LAMBDA": url})))
        return made[-1]

    settings = {"copy_code": False, "memory_mb": 512, "timeout": 30.0}
    function = Function(code, "app.handler", durable=True, **settings)
    other = write_function(tmp_path / "other", OTHER)
    functions = [function, Function(other, "app.handler", name="other", timeout=30.0)]
    service = Service([Environments(each, limit=2, make=make) for each in functions])
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


def invoke(client, **event):
    """Invoke and return the answer, decoded."""
    answer = client.invoke(FunctionName="local-function", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def callback_of(made):
    """Wait until the function waits for its callback; its id."""

    def printed():
        lines = [text for env in list(made) for text in texts(env, "stdout")]
        return [line.split()[1] for line in lines if line.startswith("callback ")]

    return wait_until(printed, 30, what="the callback")[0]


def test_a_callback_is_answered(served):
    """Who knows its id ends it with a result; the handler goes on from there."""
    client, made = served

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(invoke, client, callback=1)
        callback = callback_of(made)
        client.send_durable_execution_callback_heartbeat(CallbackId=callback)
        client.send_durable_execution_callback_success(CallbackId=callback, Result=b"yes")
        assert answer.result(50) == {"said": "yes"}

    with pytest.raises(client.exceptions.InvalidParameterValueException, match="has ended"):
        client.send_durable_execution_callback_success(CallbackId=callback, Result=b"again")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.send_durable_execution_callback_heartbeat(CallbackId="unknown")


def test_a_callback_fails(served):
    """With the error that is sent, or with one of its own when nobody sends anything."""
    client, made = served

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(invoke, client, callback=1)
        error = {"ErrorType": "Refused", "ErrorMessage": "not today"}
        client.send_durable_execution_callback_failure(CallbackId=callback_of(made), Error=error)
        refused = answer.result(50)

    assert "not today" in refused["why"]
    assert invoke(client, callback=1, timeout=1)["failed"] == "CallbackTimeoutError"
    assert invoke(client, callback=1, heartbeat_timeout=1)["failed"] == "CallbackTimeoutError"


def test_a_chained_function(served):
    """Another function of the service is invoked; its error is the operation's."""
    client, _ = served

    assert invoke(client, call="other", n=4) == {"other": 8}
    assert "less than nothing" in invoke(client, call="other", n=-1)["errorMessage"]
    assert "Function not found" in invoke(client, call="nobody", n=1)["errorMessage"]


def test_an_execution_is_looked_at_and_stopped(served):
    """By its ARN, which the answer to an asynchronous invocation has, under a name of its own."""
    client, made = served
    how = {"FunctionName": "local-function", "InvocationType": "Event",
           "DurableExecutionName": "mine"}  # fmt: skip

    arn = client.invoke(**how, Payload=b'{"callback": 1}')["DurableExecutionArn"]
    callback_of(made)
    running = client.get_durable_execution(DurableExecutionArn=arn)
    with pytest.raises(client.exceptions.DurableExecutionAlreadyStartedException):
        client.invoke(**how)
    client.stop_durable_execution(DurableExecutionArn=arn)
    stopped = client.get_durable_execution(DurableExecutionArn=arn)

    assert (running["Status"], running["DurableExecutionName"]) == ("RUNNING", "mine")
    assert json.loads(running["InputPayload"]) == {"callback": 1}
    assert (stopped["Status"], stopped["Error"]["ErrorType"]) == ("STOPPED", "Execution.Stopped")


def wait_for_end(client, arn):
    """Wait until an execution has ended; what is told of it."""

    def ended():
        found = client.get_durable_execution(DurableExecutionArn=arn)
        return found if found["Status"] not in ("RUNNING", "PAUSING", "PAUSED") else None

    return wait_until(ended, 30, what="the end of the execution")


def start(client, name, **event):
    """Start an execution under a name; its ARN."""
    return client.invoke(
        FunctionName="local-function",
        InvocationType="Event",
        DurableExecutionName=name,
        Payload=json.dumps(event),
    )["DurableExecutionArn"]


def test_the_history_of_an_execution(served):
    """Every step, wait and invocation, in order, in pages, forwards and backwards, without data."""
    client, _ = served
    arn = start(client, "told", n=1)
    assert wait_for_end(client, arn)["Result"] == '{"number": 20}'

    events = client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
    bare = client.get_durable_execution_history(
        DurableExecutionArn=arn, IncludeExecutionData=False, ReverseOrder=True
    )["Events"]
    pages = client.get_paginator("get_durable_execution_history").paginate(
        DurableExecutionArn=arn, PaginationConfig={"PageSize": 3}
    )
    paged = [event["EventId"] for page in pages for event in page["Events"]]

    steps = [event["EventType"] for event in events if event["EventType"] != "InvocationCompleted"]
    assert steps == [
        "ExecutionStarted", "StepStarted", "StepSucceeded", "WaitStarted", "WaitSucceeded",
        "StepStarted", "StepSucceeded", "ExecutionSucceeded",
    ]  # fmt: skip
    assert [event["EventId"] for event in events] == list(range(1, len(events) + 1)) == paged
    by_type = {event["EventType"]: event for event in events}
    assert by_type["ExecutionStarted"]["ExecutionStartedDetails"]["Input"]["Payload"] == '{"n": 1}'
    assert by_type["StepSucceeded"]["StepSucceededDetails"]["Result"]["Payload"] == "20"
    assert by_type["StepSucceeded"]["StepSucceededDetails"]["RetryDetails"]["CurrentAttempt"] == 1
    assert by_type["WaitStarted"]["WaitStartedDetails"]["Duration"] == 1
    assert by_type["InvocationCompleted"]["InvocationCompletedDetails"]["RequestId"]
    assert [event["EventType"] for event in bare] == [e["EventType"] for e in reversed(events)]
    assert "Payload" not in bare[-1]["ExecutionStartedDetails"]["Input"]


def test_the_executions_of_a_function(served):
    """The newest first, by name, status and time, in pages; one that has ended can be deleted."""
    client, made = served
    first, second = (start(client, name, n=n) for n, name in enumerate(("one", "two")))
    waits = start(client, "waits", callback=1)
    callback_of(made)
    began = wait_for_end(client, first)["StartTimestamp"]
    wait_for_end(client, second)

    def listed(**how):
        answer = client.list_durable_executions_by_function(FunctionName="local-function", **how)
        return [each["DurableExecutionName"] for each in answer["DurableExecutions"]]

    assert listed() == ["waits", "two", "one"]
    assert listed(ReverseOrder=True) == ["one", "two", "waits"]
    assert listed(Statuses=["RUNNING"]) == ["waits"]
    assert listed(Statuses=["SUCCEEDED", "FAILED"], MaxItems=1) == ["two"]
    assert listed(DurableExecutionName="one") == ["one"]
    assert listed(StartedAfter=began) == ["waits", "two"]
    assert listed(Qualifier="$LATEST") == ["waits", "two", "one"]
    assert listed(Qualifier="7") == []
    pages = client.get_paginator("list_durable_executions_by_function").paginate(
        FunctionName="local-function", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["DurableExecutions"]) for page in pages] == [2, 1]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_durable_executions_by_function(FunctionName="nobody")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="MaxItems"):
        listed(MaxItems=1001)

    with pytest.raises(client.exceptions.ResourceConflictException, match="RUNNING"):
        client.delete_durable_execution(DurableExecutionArn=waits)
    client.delete_durable_execution(DurableExecutionArn=second)
    client.stop_durable_execution(DurableExecutionArn=waits, Error={"ErrorType": "Enough"})

    assert listed(ReverseOrder=True) == ["one", "waits"]
    ended = client.get_durable_execution(DurableExecutionArn=waits, IncludeExecutionData=False)
    assert (ended["Status"], ended["ExecutionDataIncluded"]) == ("STOPPED", False)
    assert "InputPayload" not in ended
    last = client.get_durable_execution_history(DurableExecutionArn=waits)["Events"][-1]
    assert last["ExecutionStoppedDetails"]["Error"]["Payload"] == {"ErrorType": "Enough"}


def test_a_paused_execution_is_not_invoked(served):
    """What is due waits for the resumption; both are in the history, with their reasons."""
    client, made = served
    arn = start(client, "paused", callback=1)
    callback = callback_of(made)
    wait_until(lambda: all(env.idle for env in made), 30, what="the end of the invocation")

    client.pause_durable_execution(DurableExecutionArn=arn, Reason="lunch", ClientToken="one")
    client.pause_durable_execution(DurableExecutionArn=arn, Reason="lunch", ClientToken="one")
    with pytest.raises(client.exceptions.ResourceConflictException, match="PAUS"):
        client.pause_durable_execution(DurableExecutionArn=arn)

    def describe():
        return client.get_durable_execution(DurableExecutionArn=arn)

    wait_until(lambda: describe()["Status"] == "PAUSED", 30, what="the pause")
    paused = describe()
    client.send_durable_execution_callback_success(CallbackId=callback, Result=b"yes")
    before = [text for env in made for text in texts(env, "stdout")].count("from the top")
    still = describe()["Status"]
    client.resume_durable_execution(DurableExecutionArn=arn, Reason="back")
    ended = wait_for_end(client, arn)

    assert paused["PauseDetails"]["Reason"] == "lunch"
    assert (still, before) == ("PAUSED", 1)
    assert json.loads(ended["Result"]) == {"said": "yes"}
    with pytest.raises(client.exceptions.ResourceConflictException, match="not paused"):
        client.resume_durable_execution(DurableExecutionArn=arn)
    events = client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
    told = {event["EventType"]: event for event in events}
    assert told["ExecutionPaused"]["ExecutionPausedDetails"]["Reason"]["Payload"] == "lunch"
    assert told["ExecutionResumed"]["ExecutionResumedDetails"]["Reason"]["Payload"] == "back"
