"""The arguments that every command over a source has, and the tables they open."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.progress import Progress
from firehose_logging._cli.window import MAX_INTERVAL, Window, moment

if TYPE_CHECKING:
    from firehose_logging._cli.lake import Lake


def parser(command: str, what: str, example: str) -> argparse.ArgumentParser:
    """A parser whose help ends with an example."""
    return argparse.ArgumentParser(
        prog=f"firehose-logging {command}",
        description=what,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_source(to: argparse.ArgumentParser, since: str | None = None) -> None:
    """Source and window.

    Args:
        to: the command's parser.
        since: what ``--since`` is when it is not given; None for no beginning.
    """
    group = to.add_argument_group("where the lines are, and which")
    group.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="SOURCE",
        help="a folder laid out like the bucket, or s3://BUCKET/PREFIX; JSON or Parquet, "
        "gzipped or not",
    )
    group.add_argument(
        "--since",
        default=since,
        metavar="TIME",
        help="oldest line: 15m, 1h, 7d ago, a date or a moment "
        f"(default: {since or 'everything'}); only objects of these hours are read",
    )
    group.add_argument(
        "--until", metavar="TIME", help="newest line, in the same forms (default: now)"
    )
    group.add_argument(
        "--interval",
        type=_seconds,
        default=MAX_INTERVAL,
        metavar="SECONDS",
        help="the stream's buffering interval: objects are looked for so much earlier and later "
        "(default: %(default)s, Firehose's longest)",
    )
    group.add_argument(
        "--endpoint-url", metavar="URL", help="another S3 endpoint (MinIO, LocalStack, ...)"
    )
    group.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep downloaded objects there, so that the next run has them",
    )
    group.add_argument("--quiet", action="store_true", help="no progress bars")


def _seconds(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number of seconds from 0 on is needed")
    return value


def window(arguments: argparse.Namespace) -> Window:
    """The window of the arguments.

    Raises:
        CommandError: it ends before it begins, or a time is none.
    """
    now = datetime.now(timezone.utc)
    since = _moment("--since", arguments.since, now)
    until = _moment("--until", arguments.until, now)
    if since and until and until <= since:
        raise CommandError(
            f"--until {arguments.until} is not after --since {arguments.since}: nothing can match"
        )
    # Naive UTC from here on: that is what the lines say.
    return Window(since, until, arguments.interval)


def _moment(option: str, text: str | None, now: datetime) -> datetime | None:
    try:
        return moment(text, now) if text else None
    except CommandError as error:
        raise CommandError(f"{option} {error}") from None


def open_lake(command: str, arguments: argparse.Namespace, threads: int | None = None) -> Lake:
    """The tables over the source of the arguments; use it in a ``with`` block."""
    from firehose_logging._cli.lake import Lake
    from firehose_logging._cli.sources import open_source

    source = open_source(arguments.source, arguments.endpoint_url)
    progress = Progress(command, arguments.quiet)
    lake = Lake(source, window(arguments), progress, arguments.keep, threads)
    try:
        return lake.open()
    except BaseException:
        lake.__exit__()
        raise
