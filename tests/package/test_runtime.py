"""Our place in Lambda's runtime, with the real runtime client and a real Extensions API."""

from __future__ import annotations

import json
import logging
import os
import sys
import types
from importlib import import_module

import pytest

import firehose_logging
from firehose_logging import _bootstrap
from support.extensions_api import ExtensionsApi
from support.in_lambda import MODULE, InLambda
from tools.waiting import wait_until


def log(event, context):
    """A handler that logs, prints and answers."""
    logging.getLogger("shop").warning("sold %s", event)
    print("receipt")
    return "done"


def fail(event, context):
    """A handler that raises."""
    raise KeyError("nothing left")


def said(lines):
    """Message and request id of the function's own lines."""
    return [(x["message"], x.get("requestId")) for x in lines if x["type"] == "function"]


def test_an_invocation(in_lambda, capsys):
    """The answer is the handler's; what it said carries the request id and is delivered."""
    environment = in_lambda()
    process = environment.install(flush="end")
    environment.api.wait_asked(1)
    environment.api.invoke("r-1", 4e12)

    assert environment.invoke(log, event=3) == ("result", "r-1", "done")
    environment.api.wait_asked(2)
    lines = environment.transport.lines()
    assert said(lines) == [("sold 3", "r-1"), ("receipt", "r-1")]
    assert {(line["functionName"], line["functionVersion"]) for line in lines} == {("shop", "7")}
    assert process.runtime.is_hooked
    assert "receipt" in capsys.readouterr().out


def test_an_error_is_one_line_and_the_callers(in_lambda):
    """What a handler raises goes to the caller and the runtime's log, and is one line."""
    environment = in_lambda()
    environment.install()

    kind, _, body = environment.invoke(fail)
    assert (kind, body["errorType"]) == ("error", "KeyError")
    (line,) = [x for x in environment.lines() if x.get("errorType")]
    assert (line["requestId"], line["errorMessage"]) == ("r-1", "'nothing left'")
    assert len(environment.error_log.errors) == 1


def test_without_passthrough_the_runtimes_report_is_kept_back(in_lambda):
    """With passthrough off the runtime writes no report: the line has it all."""
    environment = in_lambda()
    environment.install(passthrough=False)

    environment.invoke(fail)
    assert environment.error_log.errors == []
    assert [x["errorType"] for x in environment.lines() if "errorType" in x] == ["KeyError"]


def test_an_error_of_init_is_delivered_at_once(in_lambda):
    """Before the first invocation the platform ends a process whose import failed."""
    environment = in_lambda()
    environment.install()
    report = environment.client.make_error("no module", "ImportError", [])

    environment.client.log_error(report, environment.error_log)
    assert [line["errorMessage"] for line in environment.transport.lines()] == ["no module"]


def test_context_log_is_a_line(in_lambda):
    """``context.log`` is captured once, and is written as before."""
    environment = in_lambda()
    environment.install()

    environment.invoke(lambda event, context: context.log("from the context\n"))
    assert [x["logger"] for x in environment.lines() if x["message"] == "from the context"] == [
        "context.log"
    ]


def test_context_log_where_nothing_is_captured(in_lambda, capsys):
    """Without capture it does what it does without us."""
    environment = in_lambda()
    environment.install(capture=())

    environment.invoke(lambda event, context: context.log("as ever"))
    assert said(environment.lines()) == []


def test_where_no_extension_is_allowed(monkeypatch, tmp_path):
    """Refused as an extension, lines are delivered before the next invocation is asked for."""
    api = ExtensionsApi(register=(403, "Extension.RegistrationClosed"))
    try:
        environment = InLambda(monkeypatch, tmp_path, api)
        process = environment.install()
        assert process.runtime.extension is None
        assert process.delivery("logs", process.streams.all()[0].settings, None).background

        environment.invoke(log, event=1)
        assert ("sold 1", "r-1") in said(environment.transport.lines())
    finally:
        api.close()


@pytest.fixture
def launched(monkeypatch, tmp_path):
    """Starts us before the runtime client is there; gives how often it was told to be read."""
    apis = []

    def launch(*, program="awslambdaric", **api):
        apis.append(ExtensionsApi(**api))
        InLambda(monkeypatch, tmp_path, apis[0])
        monkeypatch.delitem(sys.modules, MODULE)
        monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
        monkeypatch.setattr(sys, "orig_argv", ["python", "-m", program, "app.handler"])
        for name, value in (("AWS_KINESIS_STREAM_NAME", "logs"),
                            ("FIREHOSE_LOGGING_TELEMETRY", "off"),
                            ("FIREHOSE_LOGGING_JOURNAL", "off")):  # fmt: skip
            monkeypatch.setenv(name, value)
        called = []
        _bootstrap.launch(lambda: called.append(MODULE in sys.modules))
        return called

    yield launch
    for api in apis:
        api.close()


def test_the_collector_waits_for_the_client(launched):
    """It is turned on when the runtime client's last module has run, once."""
    called = launched()
    assert called == []
    import_module(MODULE)

    assert called == [True]
    runtime = _bootstrap._process.runtime
    runtime.runtime_starts()
    wait_until(lambda: runtime.extension._companion is not None)
    assert called == [True]


def test_the_collector_does_not_wait_for_ever(launched):
    """Where no client is read that we know, it is turned on when the extension begins."""
    called = launched()

    wait_until(lambda: called)
    assert called == [False]


@pytest.mark.parametrize("how", ["another program", "refused"])
def test_the_collector_waits_for_nobody(launched, how):
    """Where nobody is to be read, or nobody would tell, it is turned on at once."""
    if how == "refused":
        called = launched(register=(403, "Extension.RegistrationClosed"))
        wait_until(lambda: called)
    else:
        called = launched(program="app")

    assert called == [False]


def test_installed_while_an_invocation_runs(in_lambda):
    """Its lines get the id that the client knows; it ends when the client asks for the next."""
    environment = in_lambda()
    environment.client._GLOBAL_AWS_REQUEST_ID = "r-0"
    process = environment.install()
    logging.getLogger("shop").warning("late")

    assert said(environment.lines()) == [("late", "r-0")]
    assert process.context.invocations == 1


def test_the_end_of_that_invocation(in_lambda, monkeypatch):
    """The first question for a next invocation is the end; later ones are the client's own."""
    environment = in_lambda()
    shared = environment.client.LambdaRuntimeClient
    monkeypatch.setattr(shared, "wait_next_invocation", lambda self: "event")
    environment.client._GLOBAL_AWS_REQUEST_ID = "r-0"
    process = environment.install()
    ended = []
    monkeypatch.setattr(process.runtime, "invocation_ended", ended.append)
    client = object.__new__(shared)

    assert [client.wait_next_invocation() for _ in range(2)] == ["event", "event"]
    assert ended == ["r-0"]


def test_what_breaks_in_us_is_told_and_the_function_runs(in_lambda, monkeypatch, capfd):
    """A defect of ours at either end of an invocation costs neither answer nor next one."""
    environment = in_lambda()
    process = environment.install()
    monkeypatch.setattr(process.context, "begin", lambda *a, **k: 1 / 0)
    monkeypatch.setattr(process.capture, "complete", lambda: 1 / 0)
    monkeypatch.setattr(process.capture, "runtime_error", lambda *a: 1 / 0)

    assert environment.invoke(log) == ("result", "r-1", "done")
    assert environment.invoke(fail)[0] == "error"
    told = capfd.readouterr().err
    for where in ("invocation start", "invocation end", "error capture"):
        assert f"{where}: ZeroDivisionError" in told


def test_the_decorator_tells_the_ends_where_nothing_is_hooked(in_lambda, monkeypatch):
    """A runtime client without the functions that we know: the decorator's word counts."""
    environment = in_lambda()
    monkeypatch.delattr(environment.client, "handle_event_request")
    process = environment.install(flush="end")

    @firehose_logging.lambda_handler
    def handler(event, context):
        logging.getLogger("shop").warning("decorated")
        return "done"

    class Context:
        aws_request_id = "r-9"
        tenant_id = "blue"

    environment.api.wait_asked(1)
    environment.api.invoke("r-9", 4e12)
    assert handler({}, Context()) == "done"
    environment.api.wait_asked(2)
    (line,) = [x for x in environment.transport.lines() if x["type"] == "function"]
    assert (line["requestId"], line["tenantId"]) == ("r-9", "blue")
    assert process.runtime.is_decorated


def test_a_worker_of_managed_instances(in_lambda):
    """On Managed Instances no event says when to deliver: lines go by their age."""
    environment = in_lambda(AWS_LAMBDA_MAX_CONCURRENCY="4")
    process = environment.install(interval=0.1)
    environment.api.wait_asked(1)

    assert process.streams.all()[0].background
    environment.invoke(log, event=2)
    wait_until(lambda: ("sold 2", "r-1") in said(environment.transport.lines()))


@pytest.mark.parametrize("streams", ["logs", "logs,other"])
def test_workers_share_what_several_streams_take(in_lambda, monkeypatch, streams):
    """Workers are forked with the module that spreads over streams, where there are several."""
    name = "firehose_logging._firehose.several"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("firehose_logging._firehose.several", raising=False)
    environment = in_lambda(AWS_LAMBDA_MAX_CONCURRENCY="4")
    environment.install(stream_name=streams)
    environment.api.wait_asked(1)

    assert (name in sys.modules) == ("," in streams)


def test_snapstart_hooks_are_set_before_the_runtime_starts(in_lambda, monkeypatch):
    """With SnapStart the runtime's own package is asked to call us, when the client begins."""
    hooks = types.ModuleType("snapshot_restore_py")
    calls = {"before": [], "after": []}
    hooks.register_before_snapshot = calls["before"].append
    hooks.register_after_restore = calls["after"].append
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", hooks)
    environment = in_lambda(AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    monkeypatch.setattr(environment.client, "run", lambda handler, client: "ran")
    process = environment.install()

    assert environment.client.run(None, None) == "ran"
    before, after = calls["before"][0], calls["after"][0]
    old = process.context.instance_id
    logging.getLogger("shop").warning("before")
    before()
    after()
    logging.getLogger("shop").warning("after")

    lines = {line["message"]: line for line in environment.lines()}
    assert lines["before"]["instanceId"] == old
    assert lines["after"]["instanceId"] == process.context.instance_id != old
    assert lines["after"]["seq"] == 1


# The threads of the test's own API; from Python 3.15 on a warning that is an error is one here.
@pytest.mark.filterwarnings("ignore:.*is multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_leaves_the_extension_to_its_parent(in_lambda):
    """In a child there is no extension; its lines have their own identity and numbers."""
    environment = in_lambda()
    process = environment.install()
    logging.getLogger("shop").warning("the parent's")
    old = process.context.instance_id
    reads, writes = os.pipe()

    child = os.fork()
    if child == 0:
        try:
            logging.getLogger("shop").warning("the child's")
            (record,) = process.streams.all()[0].backlog.exclusively(
                process.streams.all()[0].backlog.batcher.take
            )
            alone = process.runtime.extension is None
            os.write(writes, json.dumps([alone, json.loads(record.data)]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        alone, line = json.loads(pipe.read())

    assert alone
    assert (line["message"], line["seq"]) == ("the child's", 1)
    assert line["instanceId"] != old
    assert process.runtime.extension is not None
    assert said(environment.lines()) == [("the parent's", None)]


def test_what_a_child_does_after_a_fork(in_lambda):
    """It lets go of the parent's extension, which need not live any more."""
    environment = in_lambda()
    process = environment.install()
    extension = process.runtime.extension
    extension.stop()
    wait_until(lambda: extension.wake_fileno < 0, what="the companion's end")

    process.after_fork()

    assert process.runtime.extension is None
    assert process.streams.all()[0].counts()["accepted"] == 0


@pytest.mark.parametrize(
    ("context", "trace_id"),
    [
        ('{"w3c": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}',
         "0af7651916cd43dd8448eb211c80319c"),
        ('{"w3c": {"traceparent": 3}}', None),
        ('{"w3c": "text"}', None),
        ('{"other": 1}', None),
    ],
)  # fmt: skip
def test_the_trace_of_a_caller(in_lambda, context, trace_id):
    """Where X-Ray names no trace, what the caller's context has of one is the line's."""
    environment = in_lambda()
    environment.install()
    environment.invoke(log, client_context_json=context)

    (line,) = [x for x in environment.lines() if x["message"] == "sold None"]
    assert line.get("traceId") == trace_id


def test_a_durable_execution(in_lambda):
    """An event of a durable execution names it, and so do the lines."""
    environment = in_lambda()
    environment.install()
    arn = "arn:aws:lambda:eu-west-1:1:function:shop/durable-execution/a/b"
    event = {"DurableExecutionArn": arn, "CheckpointToken": "t", "InitialExecutionState": {}}
    environment.invoke(log, event=event)

    assert [x.get("executionArn") for x in environment.lines() if x["logger"] == "shop"] == [arn]
