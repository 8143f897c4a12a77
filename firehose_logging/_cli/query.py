"""``firehose-logging query``: SQL over the lines of a source."""

from __future__ import annotations

import sys
from pathlib import Path

from firehose_logging._cli import arguments as _arguments
from firehose_logging._cli import render, saved
from firehose_logging._cli.errors import CommandError

EXAMPLE = """\
  firehose-logging query "SELECT requestId, message FROM logs WHERE level = 'ERROR'" --from ./bucket
  firehose-logging query --saved slowest --from s3://my-logs/firehose/ --since 1h
  firehose-logging query --saved request --param request=8f304c2d-665e-... --from ./bucket
  firehose-logging query "SELECT json_extract_scalar(line, '$.customer') AS customer, count(*)
      FROM lines GROUP BY 1" --from ./bucket --format csv

SQL is Athena's. Table logs (the columns of docs/schema.md), views invocations, errors, instances,
and lines (column line: the raw JSON, for whatever else you logged).
"""


def main(argv: list[str]) -> int:
    """Run the command."""
    parser = _arguments.parser("query", "Ask the lines in SQL.", EXAMPLE)
    parser.add_argument("sql", nargs="?", help="a query; - reads it from stdin, @FILE from a file")
    parser.add_argument("--saved", metavar="NAME", help="a saved query; --list names them")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what a saved query needs to be told; may repeat",
    )
    parser.add_argument("--list", action="store_true", help="list the saved queries and end")
    parser.add_argument(
        "--print",
        action="store_true",
        dest="show",
        help="print the SQL instead of running it: for Athena's console",
    )
    parser.add_argument(
        "--format", choices=render.FORMATS, default="table", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="of the engine (default: one a core)"
    )
    _arguments.add_source(parser)
    if "--list" in argv:
        rows = [(name, saved.about(name)) for name in saved.names()]
        render.table(("name", "what it answers"), rows)
        return 0
    if "--print" in argv and "--from" not in argv:
        argv = [*argv, "--from", "."]
    given = parser.parse_args(argv)
    sql = _sql(given.sql, given.saved, given.param)
    if given.show:
        sys.stdout.write(sql + "\n")
        return 0
    if given.threads is not None and given.threads < 1:
        raise CommandError(f"--threads {given.threads}: at least 1 is needed")
    from firehose_logging._cli import dialect

    translated = dialect.to_duckdb(sql)  # what cannot be read is told before anything is fetched
    with _arguments.open_lake("query", given, given.threads) as lake:
        columns, rows = lake.run(translated)
    render.write(columns, rows, given.format)
    return 0


def _sql(text: str | None, name: str | None, parameters: list[str]) -> str:
    """The query asked for.

    Raises:
        CommandError: there is none, or two.
    """
    if (text is None) == (name is None):
        raise CommandError(
            "give a query or --saved NAME, one of the two; `firehose-logging query --list` names "
            "the saved ones"
        )
    if name is not None:
        values = {}
        for each in parameters:
            key, equals, value = each.partition("=")
            if not equals:
                raise CommandError(f"--param {each}: write NAME=VALUE")
            values[key] = value
        return saved.query(name, values)
    assert text is not None
    if text == "-":
        return sys.stdin.read()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_text("utf-8")
        except OSError as error:
            raise CommandError(f"{text[1:]}: {error.strerror}") from error
    return text
