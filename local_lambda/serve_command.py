"""`python -m local_lambda serve`: functions behind the Lambda API, for any SDK."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .asynchronous import DELAYS, MAX_RETRIES, AsynchronousInvocations
from .command_signals import EndedBySignal, ended_by_signals
from .environment import LocalLambda
from .environments import Environments
from .firehose_process import FirehoseError, FirehoseProcess
from .function_url import FunctionUrl
from .http_server import HttpServer
from .invoke_api import InvokeApi
from .isolation import SandboxError
from .options import (
    add_function_options,
    add_isolation_options,
    build_function,
    isolation_of,
    program,
    read_functions,
    read_variables,
)
from .service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .function import Function
    from .logs import LogEvent

EPILOG = """\
examples:
  python -m local_lambda serve my_function app.handler --port 9000
  aws lambda invoke --endpoint-url http://127.0.0.1:9000 --function-name local-function out.json
  python -m local_lambda serve --functions functions.json --watch

functions.json: {"orders": {"code": "orders", "handler": "app.handler", "timeout": 10}, ...}
Any access key and region will do; signatures are not checked. It serves until SIGTERM or Ctrl-C.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog=f"{program()} serve",
        description="Serve functions as the Lambda API does: Invoke and InvokeWithResponseStream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", nargs="?", type=Path, help="folder or zip of the function's code")
    add("handler", nargs="?", help="module.function")
    add("--functions", type=Path, metavar="FILE", help="several functions, as JSON")
    add_function_options(parser)
    add_isolation_options(parser)
    add = parser.add_argument_group("the service").add_argument
    add("--port", type=int, default=9000, help="9000; 0 takes a free one")
    add("--host", default="127.0.0.1", help="address to listen on, 127.0.0.1")
    add("--environments", type=int, default=10, metavar="N", help="of a function at a time, 10")
    add("--reserved-concurrency", type=int, metavar="N", help="over it calls are throttled")
    add("--watch", action="store_true", help="start anew when code or a layer has changed")
    add("--retries", type=int, default=MAX_RETRIES, help="of asynchronous invocations, 0 to 2")
    add("--failures", type=Path, metavar="FILE", help="asynchronous events given up, NDJSON")
    add("--url-port", type=int, metavar="PORT", help="serve the function's URL there")
    add("--url-streams", action="store_true", help="the URL's invoke mode is RESPONSE_STREAM")
    add("--firehose", type=Path, metavar="DIR", help="start a local Firehose that writes to DIR")
    add("--stream", default="local-logs", help="its delivery stream, local-logs")
    add("--fault", action="append", default=[], help="of the local Firehose; repeatable")
    return parser


class Printer:
    """Print what functions write, line by line, as it comes; safe from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def show(self, function: str, event: LogEvent) -> None:
        """Print one line behind the function's name and its stream."""
        with self._lock:
            for line in event.text.replace("\r", "\n").splitlines() or [""]:
                print(f"{function} {event.stream:>6} | {line}", file=self._stream)
            self._stream.flush()

    def note(self, lines: Sequence[str]) -> None:
        """Print what the command itself has to say."""
        with self._lock:
            for line in lines:
                print(f"# {line}", file=self._stream, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal comes; return the exit status: 0, or 2 for what cannot be served."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if not 0 <= options.retries <= MAX_RETRIES:
        parser.error(f"--retries {options.retries}: use 0 to {MAX_RETRIES}")
    if options.environments < 1:
        parser.error(f"--environments {options.environments}: use 1 or more")
    if (options.functions is None) == (options.handler is None):
        parser.error("give a folder and a handler, or --functions FILE")
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            _serve(stack, options)
            threading.Event().wait()
    except (KeyboardInterrupt, EndedBySignal):
        return 0
    except (ValueError, OSError, SandboxError, FirehoseError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def _serve(stack: contextlib.ExitStack, options: argparse.Namespace) -> None:
    printer = Printer(sys.stdout)
    isolation = isolation_of(options)

    # The server is there before any environment: its address is known when one is made.
    servers: list[HttpServer] = []

    def make(function: Function) -> LocalLambda:
        if function.durable:
            endpoint = {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{servers[0].port}"}
            variables = {**endpoint, **function.environment}
            function = dataclasses.replace(function, environment=variables)
        show = functools.partial(printer.show, function.name)
        return LocalLambda(function, on_log=show, **isolation)

    functions = _functions(stack, options)
    environments = [
        Environments(
            function,
            limit=options.environments,
            watch=options.watch,
            make=make,
            **{"reserved": options.reserved_concurrency, **concurrency},
        )
        for function, concurrency in functions
    ]
    service = Service(environments)
    stack.callback(lambda: printer.note(service.counts))
    stack.callback(service.close)
    asynchronous = AsynchronousInvocations(
        service.attempt, retries=options.retries, delays=DELAYS, failures=options.failures
    )
    stack.callback(asynchronous.close)
    api = InvokeApi(service, asynchronous)
    server = HttpServer(api.handle, name="lambda", host=options.host, port=options.port)
    stack.callback(server.close)
    servers.append(server)
    if options.url_port is not None:
        url = FunctionUrl(service, service.names[0], streamed=options.url_streams)
        urls = HttpServer(url.handle, name="url", host=options.host, port=options.url_port)
        stack.callback(urls.close)
        print(f"{service.names[0]}: http://{urls.address}/")
    print(f"# {', '.join(service.names)} at http://{server.address}", flush=True)


def _functions(
    stack: contextlib.ExitStack, options: argparse.Namespace
) -> list[tuple[Function, dict[str, int]]]:
    if options.functions is not None:
        return read_functions(options.functions)
    variables = read_variables(options)
    if options.firehose is not None:
        firehose = FirehoseProcess(options.firehose, options.stream, options.region, options.fault)
        stack.enter_context(firehose)
        variables = firehose.environment | variables
    return [(build_function(options, variables), {})]
