"""The entry point: finds the command, and imports nothing that another one needs."""

from __future__ import annotations

import importlib
import os
import sys

COMMANDS = {
    "query": "ask the lines in SQL, or by a saved query",
    "tail": "show the newest lines, coloured, and follow",
    "verify": "prove that nothing is missing or twice",
    "report": "write one HTML page to look at",
    "cost": "what the logs cost, here and elsewhere",
    "doctor": "check a function's configuration",
}
EXAMPLES = """\
examples:
  firehose-logging query "SELECT level, count(*) FROM logs GROUP BY 1" --from s3://bucket/firehose/
  firehose-logging query --saved errors --from ./bucket --since 1h
  firehose-logging tail --from s3://bucket/firehose/ --follow
"""
#: What a shell says of a program that SIGINT ended.
INTERRUPTED = 130
#: What the extra brings, by the name under which it is imported.
EXTRA = {"duckdb", "sqlglot", "rich", "yaml", "boto3", "pytz"}


def usage() -> str:
    """The text of ``--help``."""
    rows = [f"  {name:<8}{what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: firehose-logging COMMAND ...",
            "",
            "Answers from the lines that firehose-logging delivered to a bucket.",
            "",
            "commands (each has --help):",
            *rows,
            "",
            EXAMPLES,
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from firehose_logging import __version__

        sys.stdout.write(f"firehose-logging {__version__}\n")
        return 0
    if arguments[0] not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(arguments[0], COMMANDS, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        known = ", ".join(COMMANDS)
        sys.stderr.write(
            f"firehose-logging: unknown command {arguments[0]!r}{hint} There are: {known}\n"
        )
        return 2
    return run(arguments[0], arguments[1:])


def run(name: str, arguments: list[str]) -> int:
    """Run a command; interruptions and mistakes end in a status, not in a traceback."""
    from firehose_logging._cli.errors import CommandError

    try:
        command = importlib.import_module(f"firehose_logging._cli.{name}")
        status: int = command.main(arguments)
        sys.stdout.flush()
    except CommandError as error:
        sys.stderr.write(f"firehose-logging {name}: {error}\n")
        return error.status
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        sys.stderr.write(
            f"firehose-logging {name}: needs {error.name}, which is not installed here. "
            "Install the command's extra: pip install 'firehose-logging[cli]'\n"
        )
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return _interrupted()
    except BrokenPipeError:
        # The reader has gone, as with `| head`: nothing is wrong. What is still buffered must not
        # fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _interrupted() -> int:
    """The status after Ctrl-C; where the engine does not let go, the process ends here."""
    engine = sys.modules.get("firehose_logging._cli.engine")
    if engine is not None and engine.stuck():
        sys.stderr.flush()
        os._exit(INTERRUPTED)
    return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
