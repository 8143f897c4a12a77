"""`python -m local_lambda serve`, called by boto3, the aws command and plain HTTP."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_lambda.options import read_functions
from local_lambda.service import function_name
from support.local_lambda_fixtures import write_function
from tools.waiting import wait_until

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
NAME = "local-function"
HANDLER = """
import json
import os
import time

INSTANCE = os.urandom(4).hex()


def handler(event, context):
    print("handling", event)
    if "meet" in event:
        with open(os.path.join(event["meet"], INSTANCE), "w"):
            pass
        give_up = time.monotonic() + 20
        while len(os.listdir(event["meet"])) < event["count"] and time.monotonic() < give_up:
            time.sleep(0.01)
    if "raise" in event:
        raise ValueError(event["raise"])
    if "statusCode" in event or "rawPath" in event:
        return {"statusCode": 201, "headers": {"X-Seen": event["rawPath"]}, "cookies": ["a=1", "b=2"],
                "body": json.dumps([event.get("body"), event.get("queryStringParameters")])}
    custom = context.client_context.custom if context.client_context else None
    return {"event": event, "instance": INSTANCE, "id": context.aws_request_id, "custom": custom}
"""  # noqa: E501 - a function as people write them


@pytest.fixture
def folder(tmp_path):
    """A folder with one function."""
    return write_function(tmp_path / "function", HANDLER)


#: Patient with a function on a busy machine.
COMMAND = ("-m", "local_lambda", "serve", "--timeout", "30")


class Served:
    """The command while it serves; `lines` is what it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        ready = wait_until(lambda: [n for n in self.lines if n.startswith("# ")], what="readiness")
        self.url = ready[0].rpartition(" ")[2]

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def client(self, **settings):
        """A boto3 client."""
        settings = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 64, **settings}
        return boto3.session.Session().client(
            "lambda",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(**settings),
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(20)
        self._reader.join()
        return status


@contextlib.contextmanager
def serving(*arguments):
    """Run the command on a free port."""
    process = subprocess.Popen(
        [sys.executable, *COMMAND, *map(str, arguments), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            yield Served(process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()


def call(client, event, **how):
    """Invoke; the answer, decoded, and what came with it. What is read frees its connection."""
    answer = client.invoke(FunctionName=NAME, Payload=json.dumps(event).encode(), **how)
    return json.loads(answer["Payload"].read() or b"null"), answer


def test_ten_environments_serve_fifty_calls_at_once(folder, tmp_path):
    """Each call gets its own answer and the tail of its own log, from one of ten environments."""
    meet = tmp_path / "meet"
    meet.mkdir()
    options = ("--timeout", 30, "--environments", 10, "--visible", meet)
    with serving(folder, "app.handler", *options) as served:
        client = served.client()
        with ThreadPoolExecutor(50) as pool:
            # Nobody goes on before ten are there: so many environments run at a time.
            calls = [
                pool.submit(call, client, {"n": n, "meet": str(meet), "count": 10}, LogType="Tail")
                for n in range(50)
            ]
            answers = [each.result() for each in calls]
        assert served.stop() == 0

    assert served.lines[-1] == f"# {NAME}: 50 calls, 10 cold starts"
    assert [payload["event"]["n"] for payload, _ in answers] == list(range(50))
    assert len({payload["instance"] for payload, _ in answers}) == 10
    for number, (payload, answer) in enumerate(answers):
        tail = base64.b64decode(answer["LogResult"]).decode()
        assert payload["id"] == answer["ResponseMetadata"]["RequestId"]
        assert tail.startswith(f"START RequestId: {payload['id']} Version: $LATEST\n")
        assert f"handling {{'n': {number}, " in tail
        assert tail.count("handling") == 1
        assert re.search(rf"\nEND RequestId: {payload['id']}\nREPORT RequestId: .*\n$", tail)
        assert answer["ExecutedVersion"] == "$LATEST"


def test_users_of_the_emulator_change_nothing(folder):
    """The one address that AWS's emulator answers is answered here; output comes while it runs."""
    with serving(folder, "app.handler") as served:
        url = f"{served.url}/2015-03-31/functions/function/invocations"
        with urllib.request.urlopen(url, b'{"n": 1}', timeout=30) as answer:
            assert json.loads(answer.read())["event"] == {"n": 1}
        wait_until(
            lambda: any("| handling {'n': 1}" in line for line in list(served.lines)),
            what="the function's output",
        )


def test_errors_types_and_context(folder):
    """A function error, a dry run, a client context, and what the service refuses."""
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    with serving(folder, "app.handler") as served:
        client = served.client()
        error, failed = call(client, {"raise": "as told"})
        payload, _ = call(client, {}, ClientContext=context)
        _, dry = call(client, {}, InvocationType="DryRun")
        empty = json.loads(client.invoke(FunctionName=f"{NAME}:live")["Payload"].read())
        refused = {}
        for how in (
            {"FunctionName": "another"},
            {"FunctionName": NAME, "Payload": b"{"},
            {"FunctionName": NAME, "Payload": b'"' + b"x" * 1024 * 1024 + b'"',
             "InvocationType": "Event"},
            {"FunctionName": NAME, "TenantId": "blue"},
            {"FunctionName": NAME, "Qualifier": "7"},
        ):  # fmt: skip
            with pytest.raises(ClientError) as info:
                client.invoke(**how)
            answer = info.value.response
            status = answer["ResponseMetadata"]["HTTPStatusCode"]
            refused[len(refused)] = (answer["Error"]["Code"], status)

    assert (failed["FunctionError"], error["errorMessage"]) == ("Unhandled", "as told")
    assert payload["custom"] == {"a": "b"}
    assert dry["StatusCode"] == 204
    assert empty["event"] == {}
    assert list(refused.values()) == [
        ("ResourceNotFoundException", 404),
        ("InvalidRequestContentException", 400),
        ("RequestTooLargeException", 413),
        ("InvalidParameterValueException", 400),
        ("ResourceNotFoundException", 404),
    ]


def test_reserved_concurrency_throttles(folder, tmp_path):
    """Over it a call is refused as the service does; the SDK's own retries get past it."""
    meet = tmp_path / "meet"
    meet.mkdir()
    options = ("--timeout", 30, "--reserved-concurrency", 1, "--visible", meet)
    with serving(folder, "app.handler", *options) as served, ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, served.client(), {"meet": str(meet), "count": 2})
        wait_until(lambda: list(meet.iterdir()), what="the first call")
        with pytest.raises(ClientError) as info:
            call(served.client(), {})
        (meet / "second").touch()
        first.result()

    error = info.value.response
    assert error["Error"]["Code"] == "TooManyRequestsException"
    assert error["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_asynchronous_invocations_are_tried_again_and_told(folder, tmp_path):
    """Event answers at once; three attempts with one request id, then a record of the failure."""
    failures = tmp_path / "failures.ndjson"
    with serving(folder, "app.handler", "--failures", failures) as served:
        _, answer = call(served.client(), {"raise": "again"}, InvocationType="Event")

        def told():
            return failures.read_text().endswith("\n") if failures.exists() else False

        wait_until(told, 50, what="the record")
        (record,) = [json.loads(line) for line in failures.read_text().splitlines()]
        assert served.stop() == 0  # all that was printed has been read

    tries = [line for line in served.lines if "handling" in line]
    assert answer["StatusCode"] == 202
    assert len(tries) == 3
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert record["requestPayload"] == {"raise": "again"}
    assert record["responsePayload"]["errorMessage"] == "again"


def test_code_that_changes_is_started_anew(folder):
    """With --watch the next call runs the new code; without a change the same environment."""
    with serving(folder, "app.handler", "--watch") as served:
        client = served.client()
        before = [call(client, {})[0]["instance"] for _ in range(2)]
        write_function(folder, "def handler(event, context):\n    return 'new'\n")
        after = call(client, {})[0]

    assert before[0] == before[1]
    assert after == "new"


def test_streamed_invocation(folder):
    """boto3 reads the event stream of InvokeWithResponseStream; the end tells error and log."""
    with serving(folder, "app.handler") as served:
        client = served.client()
        found = []
        for event in ({"n": 1}, {"raise": "as told"}):
            answer = client.invoke_with_response_stream(
                FunctionName=NAME, Payload=json.dumps(event), LogType="Tail"
            )
            found.append(list(answer["EventStream"]))

    good, bad = found
    assert json.loads(good[0]["PayloadChunk"]["Payload"])["event"] == {"n": 1}
    assert "handling" in base64.b64decode(good[-1]["InvokeComplete"]["LogResult"]).decode()
    assert bad[-1]["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert "as told" in bad[-1]["InvokeComplete"]["ErrorDetails"]


def test_several_functions_and_a_url(folder, tmp_path):
    """Functions of a file answer by name or ARN; the first one's URL takes any HTTP request."""
    other = write_function(tmp_path / "other", "def handler(event, context):\n    return 'other'\n")
    functions = tmp_path / "functions.json"
    one = {"code": folder.name, "handler": "app.handler"}
    functions.write_text(
        json.dumps({"one": one, "two": {"code": other.name, "handler": "app.handler"}})
    )
    with serving("--functions", functions, "--url-port", 0) as served:
        arn = "arn:aws:lambda:eu-west-1:012345678912:function:two"
        answer = served.client().invoke(FunctionName=arn)
        url = served.lines[0].partition("http://")[2].rstrip("/")
        connection = http.client.HTTPConnection(url, timeout=20)
        connection.request("POST", "/a/path?x=1&x=2", "body")
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()

    assert json.loads(answer["Payload"].read()) == "other"
    assert (response.status, response.getheader("X-Seen")) == (201, "/a/path")
    assert response.msg.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert body == ["body", {"x": "1,2"}]


def test_each_tenant_has_environments_of_its_own(folder, tmp_path):
    """A call names its tenant; nobody else's environment answers it."""
    functions = tmp_path / "functions.json"
    settings = {"code": folder.name, "handler": "app.handler", "tenant_isolation": True}
    functions.write_text(json.dumps({NAME: settings}))
    with serving("--functions", functions) as served:
        client = served.client()
        instances = [
            call(client, {}, TenantId=tenant)[0]["instance"]
            for tenant in ("blue", "green", "blue", "green")
        ]
        with pytest.raises(ClientError) as info:
            call(client, {})

    assert instances[:2] == instances[2:]
    assert instances[0] != instances[1]
    assert info.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.skipif(shutil.which("aws") is None, reason="the aws command is not installed")
def test_the_aws_command(folder, tmp_path):
    """The aws command invokes, and shows the tail of the log."""
    out = tmp_path / "out.json"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    version = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True)
    raw = ["--cli-binary-format", "raw-in-base64-out"] if "aws-cli/2" in version.stdout else []
    with serving(folder, "app.handler") as served:
        answer = subprocess.run(
            ["aws", "lambda", "invoke", "--endpoint-url", served.url, "--function-name", NAME,
             "--payload", '{"n": 1}', "--log-type", "Tail", *raw, str(out)],
            capture_output=True, text=True, env=environment, check=False, timeout=50,
        )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
    assert json.loads(out.read_text())["event"] == {"n": 1}
    assert "handling" in base64.b64decode(json.loads(answer.stdout)["LogResult"]).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_everything(folder, tmp_path, number):
    """The environments are shut down, and the command ends with status 0."""
    with serving(folder, "app.handler") as served:
        call(served.client(), {})
        # The thread that started them may end meanwhile: for a moment they are nobody's.
        children = wait_until(lambda: _children(served.process.pid), what="its processes")

        status = served.stop(number)

    assert status == 0
    wait_until(lambda: not any(_alive(pid) for pid in children), what="the end of the runtime")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/such", "app.handler"], "no such folder"),
        (["--functions", "/no/such"], "No such file"),
        ([], "give a folder and a handler"),
        (["{folder}", "app.handler", "--retries", "3"], "use 0 to 2"),
        (["{folder}", "app.handler", "--environments", "0"], "use 1 or more"),
        (["{folder}", "app.handler", "--port", "99999"], "use 1 to 65535"),
        (["{folder}", "app.handler", "--name", ""], "use 1 to 64 letters"),
    ],
)
def test_what_cannot_be_served_is_status_2(folder, arguments, words):
    """Each mistake is told in a line."""
    answer = subprocess.run(
        [sys.executable, "-m", "local_lambda", "serve",
         *(argument.replace("{folder}", str(folder)) for argument in arguments)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=50,
    )  # fmt: skip

    assert answer.returncode == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ("[]", "use an object of names"),
        ("{}", "use an object of names"),
        ('{"a": {"code": ".", "handler": "app.handler", "memory": 1}}', "no such setting: memory"),
        ('{"a": {"handler": "app.handler"}}', "code is missing"),
        ('{"a": {"code": ".", "handler": "app.handler", "timeout": "3"}}', "timeout='3'"),
        ('{"a": {"code": ".", "handler": "x.y", "reserved_concurrency": "1"}}', "0 or more"),
    ],
)
def test_a_file_of_functions_is_checked(tmp_path, functions, words):
    """What is wrong with it is told by file, function, setting and what is allowed."""
    path = tmp_path / "functions.json"
    path.write_text(functions)

    with pytest.raises(ValueError, match=r"functions\.json") as info:
        read_functions(path)

    assert words in str(info.value)


def _children(pid: int) -> list[int]:
    """Processes that are below one, however deep."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has ended
            for child in map(int, path.read_text().split()):
                found += [child, *_children(child)]
    return found


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("mine", "mine"),
        ("mine:live", "mine"),
        ("012345678912:mine", "mine"),
        ("012345678912:function:mine", "mine"),
        ("arn:aws:lambda:eu-west-1:012345678912:function:mine:7", "mine"),
        ("function", "function"),
        ("function:live", "function"),
        ("arn:aws:lambda:eu-west-1:012345678912:function:function", "function"),
    ],
)
def test_the_ways_to_name_a_function(name, bare):
    """Name, partial or whole ARN, with a qualifier or without; also one that is called function."""
    assert function_name(name) == bare
