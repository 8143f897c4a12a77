"""`python -m local_lambda`: run a function folder in a local Lambda environment."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import Function, InvocationResult, LocalLambda, LogEvent, SandboxError, print_timeline
from .firehose_process import FirehoseError, FirehoseProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DESCRIPTION = """\
Run a function folder in a local Lambda environment: the real Python runtime client (awslambdaric),
the Runtime, Extensions, Telemetry and Logs APIs with the service's rules, layers, external
extensions, freeze between invocations, timeouts, SIGTERM and SIGKILL.
"""
EPILOG = """\
examples:
  python -m local_lambda my_function app.handler --event '{"name": "you"}'
  python -m local_lambda my_function app.handler --event @first.json --event '{}' --timeline
  python -m local_lambda my_function app.handler --layer build/layer \\
      --env AWS_LAMBDA_EXEC_WRAPPER=/opt/firehose_wrapper --firehose out --timeline

Values that begin with /opt/ are mapped to the folder into which the layers are merged.
Exit status: 0 when every invocation was answered without a function error, 1 when not, 2 when the
function could not be started as asked.
"""
DEFAULT_STREAM = "local-logs"
#: Where the function finds the stream's name, as in AWS's sample extensions for Firehose.
STREAM_VARIABLE = "AWS_KINESIS_STREAM_NAME"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m local_lambda",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="folder that holds the function's code")
    parser.add_argument("handler", help="module.function")
    function = parser.add_argument_group("the function")
    function.add_argument(
        "--layer",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="folder laid out like /opt; may be repeated, later ones win",
    )
    function.add_argument(
        "--env", action="append", default=[], metavar="K=V", help="environment variable; repeatable"
    )
    function.add_argument("--timeout", type=float, default=3.0, metavar="S", help="seconds, 3")
    function.add_argument("--memory", type=int, default=128, metavar="MB", help="128; told only")
    function.add_argument("--name", default="local-function", help="local-function")
    function.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="interpreter with awslambdaric"
    )
    function.add_argument(
        "--start-up",
        default="managed",
        metavar="HOW",
        help="managed (default), client (python -m awslambdaric) or a command line",
    )
    function.add_argument("--log-format", choices=["Text", "JSON"], default="Text")
    function.add_argument("--log-level", help="AWS_LAMBDA_LOG_LEVEL; unset")
    run = parser.add_argument_group("the run")
    run.add_argument(
        "--event",
        action="append",
        default=[],
        metavar="JSON|@FILE",
        help="invoke with this event; repeatable, in order; default one {}",
    )
    run.add_argument("--init", action="store_true", help="do the Init before any invocation")
    run.add_argument("--no-freeze", action="store_true", help="do not freeze in between")
    run.add_argument("--shutdown-ms", type=int, metavar="MS", help="500, or 2000 with externals")
    run.add_argument("--work", type=Path, metavar="DIR", help="keep task, opt and tmp here")
    output = parser.add_argument_group("what is shown and kept")
    output.add_argument("--timeline", action="store_true", help="print what happened when")
    output.add_argument("--telemetry-log", type=Path, metavar="FILE", help="all telemetry, NDJSON")
    output.add_argument("--output-log", type=Path, metavar="FILE", help="all output, NDJSON")
    output.add_argument(
        "--firehose",
        type=Path,
        metavar="DIR",
        help="start a local Firehose that writes to DIR, and point the function at it",
    )
    output.add_argument(
        "--stream", default=DEFAULT_STREAM, help=f"delivery stream's name, {DEFAULT_STREAM}"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        environment = parse_variables(options.env)
        events = [parse_event(text) for text in options.event] or [{}]
        with contextlib.ExitStack() as stack:
            firehose = None
            if options.firehose is not None:
                firehose = start_firehose(stack, options, environment)
            function = build_function(options, environment)
            ok = run(options, function, events)
            if firehose is not None:
                for path in firehose.stop():
                    print(f"object: {path}")
    except (ValueError, OSError, SandboxError, FirehoseError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0 if ok else 1


def parse_variables(pairs: Sequence[str]) -> dict[str, str]:
    """Return `K=V` texts as a dictionary; raise `ValueError`."""
    variables = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise ValueError(f"--env {pair!r}: use NAME=VALUE")
        variables[name] = value
    return variables


def parse_event(text: str) -> Any:
    """Return the event in `text`, or in the file that `@path` names; raise `ValueError`."""
    source = text
    if text.startswith("@"):
        source = Path(text[1:]).read_text(encoding="utf-8")
    try:
        return json.loads(source)
    except ValueError as error:
        raise ValueError(f"--event {text[:60]!r} is no JSON: {error}") from None


def build_function(options: argparse.Namespace, environment: dict[str, str]) -> Function:
    """Return the function that the options describe; raise `ValueError`."""
    start_up: str | list[str] = options.start_up
    if start_up not in ("managed", "client"):
        start_up = shlex.split(options.start_up)
    return Function(
        options.folder,
        options.handler,
        layers=options.layer,
        environment=environment,
        timeout=options.timeout,
        memory_mb=options.memory,
        name=options.name,
        python=options.python,
        start_up=start_up,
        log_format=options.log_format,
        log_level=options.log_level,
    )


def start_firehose(
    stack: contextlib.ExitStack, options: argparse.Namespace, environment: dict[str, str]
) -> FirehoseProcess:
    """Start a local Firehose with one stream and name it in the function's environment."""
    plain = Function(options.folder, options.handler)
    firehose = stack.enter_context(FirehoseProcess(options.firehose, options.stream, plain))
    for name, value in firehose.environment.items():
        environment.setdefault(name, value)
    environment.setdefault(STREAM_VARIABLE, options.stream)
    return firehose


def run(options: argparse.Namespace, function: Function, events: Sequence[Any]) -> bool:
    """Invoke with each event, show answers and output; tell whether all went well."""
    ok = True
    environment = LocalLambda(
        function,
        work=options.work,
        shutdown_ms=options.shutdown_ms,
        freeze=not options.no_freeze,
        output_file=options.output_log,
        telemetry_file=options.telemetry_log,
    )
    with environment:
        shown = 0
        if options.init:
            result = environment.init()
            print(f"init: {result.status}, {result.seconds * 1000:.0f} ms {result.message}")
        for event in events:
            answer = environment.invoke(event)
            environment.wait_idle(function.timeout + 15.0)
            if not options.no_freeze and environment.phase == "idle":
                environment.wait_frozen()
            output = environment.output
            show_output(iter(output[shown:]))
            shown = len(output)
            show_answer(answer)
            ok = ok and answer.function_error is None
        end = environment.shutdown()
        show_output(iter(environment.output[shown:]))
    if end.runtime is not None:
        how = "by itself" if end.runtime.by_itself else "by SIGKILL"
        print(f"shutdown: the runtime ended {how} after {end.runtime.after * 1000:.0f} ms")
    if options.timeline:
        print()
        print_timeline(environment.timeline)
    return ok


def show_output(events: Iterator[LogEvent]) -> None:
    """Print what the function wrote, each line behind the stream it came from."""
    for event in events:
        for line in event.text.replace("\r", "\n").splitlines() or [""]:
            print(f"  {event.stream:>9} | {line}")


def show_answer(answer: InvocationResult) -> None:
    """Print what the caller got."""
    text = answer.raw.decode("utf-8", "replace")
    word = "answer" if answer.function_error is None else "ERROR"
    print(f"{word} after {answer.answered_after * 1000:.0f} ms: {text}")


if __name__ == "__main__":
    sys.exit(main())
