"""Function folders, a stub runtime, raw API calls and a telemetry listener."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_lambda import Function, InitResult, LocalLambda
from tools.waiting import DEADLINE, wait_until

REGISTER = "/2020-01-01/extension/register"
NEXT = "/2020-01-01/extension/event/next"
TELEMETRY = "/2022-07-01/telemetry"
LOGS = "/2020-08-15/logs"

#: A runtime without awslambdaric, which starts fast and does what the event says. It waits for the
#: file `go` where the test has made `hold` a part of its argv.
STUB_RUNTIME = """
import json, os, signal, socket, sys, time

host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
tmp = os.environ["TMPDIR"]


def call(method, path, body=b"", headers=()):
    with socket.create_connection((host, int(port))) as connection:
        head = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close"]
        head += [f"{name}: {value}" for name, value in headers]
        connection.sendall("\\r\\n".join(head).encode() + b"\\r\\n\\r\\n" + body)
        data = b""
        while more := connection.recv(65536):
            data += more
    head, _, body = data.partition(b"\\r\\n\\r\\n")
    lines = head.decode().split("\\r\\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), fields, body


def register(name, *events):
    body = json.dumps({"events": events}).encode()
    headers = call("POST", "/2020-01-01/extension/register", body,
                   [("Lambda-Extension-Name", name)])[1]
    return headers["lambda-extension-identifier"]


open(os.path.join(tmp, "importing"), "w").close()
if "hold" in sys.argv:
    for _ in range(2000):
        if os.path.exists(os.path.join(tmp, "go")):
            break
        time.sleep(0.01)
if "init-error" in sys.argv:
    body = json.dumps({"errorType": "Runtime.BadConfig", "errorMessage": "no"}).encode()
    call("POST", "/2018-06-01/runtime/init/error", body,
         [("Lambda-Runtime-Function-Error-Type", "Runtime.BadConfig")])
    sys.exit(1)
if "init-exit" in sys.argv:
    sys.exit(7)
if "init-hang" in sys.argv:
    time.sleep(30)
while True:
    _, fields, body = call("GET", "/2018-06-01/runtime/invocation/next")
    event, identity = json.loads(body), fields["lambda-runtime-aws-request-id"]
    base = f"/2018-06-01/runtime/invocation/{identity}"
    if "print" in event:
        print(event["print"], flush=True)
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "exit" in event:
        os._exit(event["exit"])
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
    if "wrong_id" in event:
        status = call("POST", "/2018-06-01/runtime/invocation/other/response", b"1")
        call("POST", base + "/response", json.dumps([status[0], json.loads(status[2])]).encode())
        continue
    if "twice" in event:
        call("POST", base + "/response", b'"first"')
        print(call("POST", base + "/response", b'"second"')[0], flush=True)
        continue
    if "size" in event:
        print(call("POST", base + "/response", b'"' + b"x" * event["size"] + b'"')[0], flush=True)
        continue
    if "error" in event:
        call("POST", base + "/error", json.dumps(event["error"]).encode(),
             [("Lambda-Runtime-Function-Error-Type", event.get("type", "Function.Bad"))])
        continue
    call("POST", base + "/response", json.dumps({"event": event, "fields": fields}).encode())
"""


def write_function(folder: Path, source: str, name: str = "app.py") -> Path:
    """Write a function folder with one module and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(source)
    return folder


def write_script(path: Path, source: str, mode: int = 0o755) -> Path:
    """Write an executable script and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    path.chmod(mode)
    return path


def stub_function(folder: Path, *words: str, **settings: Any) -> Function:
    """Return a function that is the stub runtime; `words` are its arguments."""
    code = write_function(folder / "stub", STUB_RUNTIME, "runtime.py")
    argv = [sys.executable, "-S", "-E", "runtime.py", *words]
    return Function(code, "none.none", start_up=argv, **settings)


def own_layer(folder: Path, **extensions: str) -> Path:
    """Return a layer with Python scripts as external extensions; names are given without dots."""
    preamble = f"#!{sys.executable} -SE\n" + STUB_RUNTIME.split("open(os.path", maxsplit=1)[0]
    for name, source in extensions.items():
        write_script(folder / "layer" / "extensions" / name, preamble + source)
    return folder / "layer"


@dataclass(frozen=True)
class Answer:
    """One answer of the Lambda APIs."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def error(self) -> str:
        return str(self.body["errorType"])


class Api:
    """Raw calls to the Lambda APIs, as an extension makes them."""

    def __init__(self, address: str) -> None:
        self.address = address

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = DEADLINE,
    ) -> Answer:
        """Make one call on a connection of its own; `body` is JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, path, raw, headers or {})
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def register(self, name: str | None = "one", body: Any = None, **headers: str) -> Answer:
        """Register an extension; `body` None asks for no events."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if name is not None:
            fields["Lambda-Extension-Name"] = name
        return self.call("POST", REGISTER, {"events": []} if body is None else body, fields)

    def identifier(self, name: str = "one", *events: str) -> str:
        """Register and return the identifier."""
        answer = self.register(name, {"events": list(events)})
        assert answer.status == 200, answer.raw
        return answer.headers["lambda-extension-identifier"]

    def next(self, identifier: str, timeout: float = DEADLINE) -> Answer:
        """Ask for the next event and wait for it."""
        headers = {"Lambda-Extension-Identifier": identifier}
        return self.call("GET", NEXT, None, headers, timeout)

    def subscribe(
        self, identifier: str, port: int, path: str = TELEMETRY, **changes: Any
    ) -> Answer:
        """Subscribe with usual values, changed by `changes`; None takes a field out."""
        body: dict[str, Any] = {
            "schemaVersion": "2022-12-13" if path == TELEMETRY else "2021-03-18",
            "types": ["platform", "function", "extension"],
            "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/in"},
            "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        }
        body.update(changes)
        body = {name: value for name, value in body.items() if value is not None}
        return self.call("PUT", path, body, {"Lambda-Extension-Identifier": identifier})


@dataclass
class Held:
    """An environment whose Init waits for `release`."""

    env: LocalLambda
    api: Api
    init: Future[InitResult]
    pool: ThreadPoolExecutor
    waiting: list[Future[Answer]] = field(default_factory=list)

    def release(self) -> None:
        """Let the runtime ask for its first event."""
        (self.env.tmp / "go").touch()

    def next_in_thread(self, identifier: str) -> Future[Answer]:
        """Ask for next on another thread."""
        future = self.pool.submit(self.api.next, identifier)
        self.waiting.append(future)
        return future


@contextmanager
def held_init(tmp_path: Path, **settings: Any) -> Iterator[Held]:
    """Start an environment with the stub runtime and hold its Init."""
    function_settings = {
        name: settings.pop(name)
        for name in ("log_format", "layers", "timeout", "max_concurrency")
        if name in settings
    }
    function = stub_function(tmp_path, "hold", **function_settings)
    with ThreadPoolExecutor(8) as pool, LocalLambda(function, **settings) as env:
        init = pool.submit(env.init)
        wait_until((env.tmp / "importing").exists, what="the runtime's start")
        yield Held(env, Api(env.runtime_api), init, pool)
        (env.tmp / "go").touch()
        env.close(abort=True)


class Listener:
    """A telemetry listener that keeps what it gets; `statuses` are given out first, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.requests: list[tuple[str, str]] = []
        self.statuses = list(statuses)
        self.block = threading.Event()
        self.block.set()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.block.wait(DEADLINE)
                listener.requests.append((self.command, self.path))
                status = listener.statuses.pop(0) if listener.statuses else 200
                if status == 200:
                    listener.batches.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST  # noqa: N815 - as above

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.block.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in list(self.batches) for event in batch]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until `count` events of a type have come, and return them."""

        def found() -> list[dict[str, Any]]:
            events = [event for event in self.events if event["type"] == kind]
            return events if len(events) >= count else []

        return wait_until(found, what=f"{count} {kind} events, got {self.types()}")


def records(env: LocalLambda, kind: str) -> list[Any]:
    """Return the records of all telemetry events of a type."""
    return [event.record for event in env.telemetry if event.type == kind]


def texts(env: LocalLambda, stream: str | None = None) -> list[str]:
    """Return the text of all output, or of one stream."""
    return [e.text for e in env.output if stream is None or e.stream == stream]
