"""What importing and installing cost a cold start, in a fresh interpreter each."""

from __future__ import annotations

import contextlib
import http.server
import json
import sys
import textwrap
import threading

import pytest

from support.servers import serving
from support.stage import run_python
from tools import bundle
from tools.ports import free_port

#: Modules of the standard library that a full start in Lambda may add to what the runtime client
#: has loaded already. Each is part of the interpreter or small; anything new costs every cold
#: start, so think before adding to this list.
ALLOWED = {"_socket", "atexit", "fcntl", "math", "mmap", "select"}

#: What would cost a cold start milliseconds or megabytes, by name, so that a change of ALLOWED
#: or of the runtime client does not let one of them through.
HEAVY = {
    "asyncio", "boto3", "botocore", "concurrent.futures", "ctypes", "dataclasses", "email",
    "http.client", "http.server", "importlib.metadata", "inspect", "multiprocessing", "pathlib",
    "queue", "random", "selectors", "socket", "socketserver", "ssl", "subprocess", "tempfile",
    "typing", "unittest", "urllib.request", "uuid", "wrapt", "xml",
}  # fmt: skip

#: The runtime client as Lambda starts it, before any code of the function.
CLIENT = "import awslambdaric.__main__, awslambdaric.bootstrap\n"


class Runtime(http.server.BaseHTTPRequestHandler):
    """Enough of the Runtime API to let an extension start: register, subscribe, wait for ever."""

    protocol_version = "HTTP/1.1"
    released: threading.Event
    asked: list[str]

    def _answer(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/event/next"):
            self.released.wait(30)
        self.send_response(200)
        self.send_header("Lambda-Extension-Identifier", "id-1")
        self.send_header("Content-Length", "2")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # it may have ended while it waited
            self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names of http.server

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def lambda_api():
    """The address of a Runtime API, and what was asked of it."""
    runtime = type("OneRuntime", (Runtime,), {"released": threading.Event(), "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), runtime)
    server.daemon_threads = True
    with serving(server):
        yield f"127.0.0.1:{server.server_port}", runtime.asked
        runtime.released.set()


def added(code, env=None):
    """The modules that some code adds to those of the runtime client, and what it prints."""
    child = f"""
{CLIENT}
import json, sys
before = set(sys.modules)
{textwrap.dedent(code)}
print(json.dumps(sorted(set(sys.modules) - before)), flush=True)
import os
os._exit(0)
"""
    ended = run_python(child, env=env)
    assert ended.returncode == 0, ended.stderr
    return {m for m in json.loads(ended.stdout.splitlines()[-1]) if not m.startswith("firehose_")}


def test_import_adds_nothing_of_others():
    """Importing the package loads the package, and no other module."""
    assert added("import firehose_logging") == set()


def test_start_in_lambda_adds_little(lambda_api, tmp_path):
    """A full start (extension, telemetry, capture, a line logged) loads nothing heavy."""
    address, asked = lambda_api
    env = {
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_KINESIS_STREAM_NAME": "logs",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "HTTP_LOGS_LISTENER_PORT": str(free_port()),
        "TMPDIR": str(tmp_path),
    }
    code = """
        import firehose_logging, logging
        assert firehose_logging.install() is True
        logging.getLogger("app").warning("hello", extra={"a": [1]})
        print("printed")
        """

    found = added(code, env)

    assert asked[:2] == ["/2020-01-01/extension/register", "/2022-07-01/telemetry"]
    assert {m for m in found if m.partition(".")[0] in HEAVY or m in HEAVY} == set()
    assert found - ALLOWED == set()


def test_what_comes_after_the_first_answer_is_not_there_before(lambda_api, tmp_path):
    """A start, a line and a print import nothing that follows invocations or sends lines."""
    env = {
        "AWS_LAMBDA_RUNTIME_API": lambda_api[0],
        "AWS_KINESIS_STREAM_NAME": "logs",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "HTTP_LOGS_LISTENER_PORT": str(free_port()),
        "TMPDIR": str(tmp_path),
    }
    child = f"""
{CLIENT}
import logging, os, sys
sys.setswitchinterval(100)  # the extension's thread gets its turn when this one has ended
import firehose_logging
assert firehose_logging.install() is True
logging.getLogger("app").warning("hello", extra={{"a": 1}})
print("printed")
print(*sorted(sys.modules), file=sys.__stdout__, flush=True)
os._exit(0)
"""
    ended = run_python(child, env=env)
    assert ended.returncode == 0, ended.stderr
    found = set(ended.stdout.splitlines()[-1].split())
    later = {f"firehose_logging.{name}" for names in bundle.LATER.values() for name in names}

    assert found & later == set()
    assert found & {"select", "zlib"} == set()
    assert "firehose_logging._extension.extension" in found


def test_handler_outside_lambda_adds_no_sdk(tmp_path):
    """A handler that was made and used has not loaded an SDK before something is sent."""
    code = """
        import firehose_logging, logging
        logger = logging.Logger("app")
        logger.addHandler(firehose_logging.FirehoseHandler("logs"))
        logger.warning("hello")
        """

    found = added(code, {"TMPDIR": str(tmp_path), "FIREHOSE_LOGGING_INTERVAL": "900"})

    assert {m for m in found if m.partition(".")[0] in {"boto3", "botocore", "wrapt"}} == set()


def test_import_starts_and_opens_nothing():
    """Importing starts no thread, opens no descriptor, reads no variable, hooks nothing."""
    code = """
        import logging, os, signal, sys, threading
        class Refuses(dict):
            def __getitem__(self, name):
                raise AssertionError(f"{name} was read")
            get = __contains__ = __iter__ = keys = items = __getitem__
        def state():
            return (
                threading.enumerate(), sorted(os.listdir("/proc/self/fd")), sys.stdout, sys.stderr,
                sys.excepthook, threading.excepthook, sys.meta_path[:], sys.path[:],
                signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT),
                logging.getLogger().handlers[:], logging.getLogger().level, logging.raiseExceptions,
                os.getcwd(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile(),
            )
        before, environ = state(), os.environ
        os.environ = Refuses()
        import firehose_logging, firehose_logging.testing
        from firehose_logging import (
            FirehoseHandler, JsonFormatter, Settings, flush, install, lambda_handler,
        )
        os.environ = environ
        assert state() == before, (state(), before)
        print("nothing")
        """
    if not sys.platform.startswith("linux"):
        code = code.replace('sorted(os.listdir("/proc/self/fd"))', "0")

    ended = run_python(textwrap.dedent(code))

    assert ended.stdout == "nothing\n", ended.stderr


def test_import_without_sdks():
    """The package imports where neither boto3 nor wrapt is installed."""
    code = """
        import sys
        for name in ("boto3", "botocore", "wrapt", "awslambdaric"):
            sys.modules[name] = None
        import firehose_logging
        firehose_logging.Settings.from_env()
        print("fine")
        """

    assert run_python(textwrap.dedent(code)).stdout == "fine\n"
