"""`python -m local_lambda`: run a function folder in a local Lambda environment."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import InvocationResult, LocalLambda, LogEvent, SandboxError, print_timeline, serve_command
from .command_signals import EndedBySignal, ended_by_signals
from .firehose_process import FirehoseError, FirehoseProcess
from .options import (
    add_function_options,
    add_isolation_options,
    build_function,
    isolation_of,
    program,
    read_event,
    read_variables,
)
from .timeline import write_html

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .function import Function

DESCRIPTION = """\
Run a function folder in a local Lambda environment: the real Python runtime client (awslambdaric),
the Runtime, Extensions, Telemetry and Logs APIs with the service's rules, layers, external
extensions, freeze between invocations, timeouts, SIGTERM and SIGKILL.
"""
EPILOG = """\
examples:
  python -m local_lambda my_function app.handler --event '{"name": "you"}'
  python -m local_lambda my_function app.handler --event @first.json --event '{}' --timeline
  python -m local_lambda serve my_function app.handler --port 9000   (serve --help says more)
  python -m local_lambda my_function app.handler --layer build/layer \\
      --env AWS_LAMBDA_EXEC_WRAPPER=/opt/firehose_wrapper --firehose out --timeline

Values that begin with /opt/ are mapped to the folder into which the layers are merged.
Exit status: 0 when every invocation was answered without a function error, 1 when not, 2 when the
function could not be started as asked, 128 and the signal's number when one ended it.

A debugger: --stdin gives the function this terminal; or put debugpy into the function and wait for
it there, with --timeout 900. README.md shows both.
"""
DEFAULT_STREAM = "local-logs"
#: Where the function finds the stream's name, as in AWS's sample extensions for Firehose.
STREAM_VARIABLE = "AWS_KINESIS_STREAM_NAME"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog=program(),
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="folder or zip of the function's code")
    parser.add_argument("handler", help="module.function")
    add_function_options(parser)
    add_isolation_options(parser)
    add_run_options(parser)
    add = parser.add_argument_group("what is shown and kept").add_argument
    add("--timeline", action="store_true", help="print what happened when")
    add("--timeline-html", type=Path, metavar="FILE", help="the same as a page")
    add("--telemetry-log", type=Path, metavar="FILE", help="all telemetry, NDJSON")
    add("--output-log", type=Path, metavar="FILE", help="all output, NDJSON")
    add(
        "--firehose",
        type=Path,
        metavar="DIR",
        help="start a local Firehose that writes to DIR, and point the function at it",
    )
    add("--stream", default=DEFAULT_STREAM, help=f"delivery stream's name, {DEFAULT_STREAM}")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="FAULT",
        help="of the local Firehose (python -m local_firehose --help lists them); repeatable",
    )
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how the function is invoked."""
    add = parser.add_argument_group("the run").add_argument
    add(
        "--event",
        action="append",
        default=[],
        metavar="JSON|@FILE",
        help="invoke with this event, byte for byte; repeatable, in order; default one {}",
    )
    add("--trace-id", metavar="HEADER", help="X-Ray header of every invocation; default a new one")
    add("--init", action="store_true", help="do the Init before any invocation")
    add("--no-freeze", action="store_true", help="do not freeze in between")
    add("--shutdown-ms", type=int, metavar="MS", help="500, or 2000 with externals")
    add("--work", type=Path, metavar="DIR", help="keep task, opt and tmp here")
    add("--stdin", action="store_true", help="the runtime reads this terminal; not frozen then")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["serve"]:
        return serve_command.main(given[1:])
    parser = build_parser()
    options = parser.parse_args(given)
    try:
        with ended_by_signals():
            return 0 if run_all(options) else 1
    except (ValueError, OSError, SandboxError, FirehoseError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except EndedBySignal as ended:
        return 128 + ended.number


def run_all(options: argparse.Namespace) -> bool:
    """Run the function beside its Firehose, if it has one; tell whether all went well."""
    environment = read_variables(options)
    events = [read_event(text) for text in options.event] or [b"{}"]
    with contextlib.ExitStack() as stack:
        firehose = None
        if options.firehose is not None:
            firehose = start_firehose(stack, options, environment)
        ok = run(options, build_function(options, environment), events)
        if firehose is not None:
            show_objects(firehose)
    return ok


def start_firehose(
    stack: contextlib.ExitStack, options: argparse.Namespace, environment: dict[str, str]
) -> FirehoseProcess:
    """Start a local Firehose with one stream and name it in the function's environment."""
    firehose = FirehoseProcess(options.firehose, options.stream, options.region, options.fault)
    stack.enter_context(firehose)
    for name, value in firehose.environment.items():
        environment.setdefault(name, value)
    environment.setdefault(STREAM_VARIABLE, options.stream)
    return firehose


def show_objects(firehose: FirehoseProcess) -> None:
    """List the objects that were written, or say that there are none."""
    objects = firehose.stop()
    for path in objects:
        print(f"object: {path}")
    if not objects:
        print(f"nothing was delivered to the stream {firehose.stream}")


def run(options: argparse.Namespace, function: Function, events: Sequence[bytes]) -> bool:
    """Invoke with each event, show answers and output; tell whether all went well."""
    ok = True
    freeze = not options.no_freeze and not options.stdin
    if options.stdin and sys.stdin is None:
        raise ValueError("--stdin: there is no standard input")
    environment = LocalLambda(
        function,
        work=options.work,
        shutdown_ms=options.shutdown_ms,
        freeze=freeze,
        stdin=sys.stdin.fileno() if options.stdin else None,
        output_file=options.output_log,
        telemetry_file=options.telemetry_log,
        **isolation_of(options),
    )
    with environment:
        shown = 0
        if options.init:
            result = environment.init()
            print(f"init: {result.status}, {result.seconds * 1000:.0f} ms {result.message}")
        for event in events:
            answer = environment.invoke(event, trace_id=options.trace_id)
            environment.wait_idle(function.timeout + 15.0)
            if freeze and environment.phase == "idle":
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
    if options.timeline_html is not None:
        write_html(environment.timeline, options.timeline_html)
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
