"""``firehose-logging tail``: the newest lines, by invocation, and what comes."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import arguments as _arguments
from firehose_logging._cli import story
from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.lake import Lake
from firehose_logging._cli.levels import at_least
from firehose_logging._cli.progress import Progress
from firehose_logging._cli.sources import Listing, Object, Source, open_source
from firehose_logging._cli.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

EXAMPLE = """\
  firehose-logging tail --from s3://my-logs/firehose/ --follow
  firehose-logging tail --from ./bucket --function shop --level ERROR --since 1h
  firehose-logging tail --from ./bucket --request 8f304c2d-665e-419a-89f8-ecf59cc746b2

From the log call to the screen: until the function's flush (at once, or FIREHOSE_LOGGING_INTERVAL),
the stream's buffering interval (60 s by the template; it may be 0), and --every.
"""


class Fresh:
    """A source without the objects that were seen already."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source
        self._seen: set[str] = set()

    def find(self, window: Window) -> Listing:
        """Objects that are new since the last time."""
        found = self._source.find(window)
        new = tuple(each for each in found.objects if each.key not in self._seen)
        self._seen.update(each.key for each in new)
        return Listing(new, found.failed, found.outside, found.newest)

    def fetch(
        self, objects: Sequence[Object], folder: Path, done: Callable[[int], None]
    ) -> list[Path]:
        """As the source does."""
        return self._source.fetch(objects, folder, done)


def main(argv: list[str]) -> int:
    """Run the command."""
    parser = _arguments.parser("tail", "Show the newest lines by invocation, and follow.", EXAMPLE)
    parser.add_argument("--function", metavar="NAME", help="lines of this function only")
    parser.add_argument("--level", metavar="LEVEL", help="lines of this level or above")
    parser.add_argument("--request", metavar="ID", help="lines of this request only")
    parser.add_argument("--platform", action="store_true", help="the platform's events too")
    parser.add_argument(
        "--lines", type=int, default=200, metavar="N", help="how many (default: 200)"
    )
    parser.add_argument(
        "--follow", "-f", action="store_true", help="show what comes; Ctrl-C ends it"
    )
    parser.add_argument(
        "--every", type=float, default=5.0, metavar="SECONDS", help="look so often (default: 5)"
    )
    _arguments.add_source(parser, since="15m")
    given = parser.parse_args(argv)
    if given.every <= 0 or given.lines < 1:
        raise CommandError("--every must be above 0 and --lines at least 1")
    where = _conditions(given)
    source = Fresh(open_source(given.source, given.endpoint_url))
    printer = story.Printer()
    shown = _show(source, given, where, printer, given.lines)
    if not given.follow:
        if not shown:
            sys.stderr.write("firehose-logging tail: no such lines; widen --since or the filters\n")
        return 0
    while True:
        time.sleep(given.every)
        _show(source, given, where, printer, None)


def _show(
    source: Fresh,
    given: argparse.Namespace,
    where: str,
    printer: story.Printer,
    most: int | None,
) -> int:
    """Print the lines of objects that are new; how many."""
    window = _arguments.window(given)
    listing = source.find(window)
    if not listing.objects:
        return 0
    progress = Progress("tail", given.quiet)
    limit = "" if most is None else f"LIMIT {most}"
    # What follows may hold older lines too: the window is for choosing objects, then.
    lines = window if most is not None else Window(None, None)
    with Lake(_Found(source, listing), lines, progress, given.keep) as lake:
        try:
            lake.open()
        except CommandError as error:
            progress.remark(str(error))
            return 0
        columns, rows = lake.run(
            f"SELECT {', '.join(story.COLUMNS)} FROM logs WHERE {where} "
            f"ORDER BY timestamp DESC, seq DESC {limit}"
        )
    found = [dict(zip(columns, row, strict=True)) for row in reversed(rows)]
    printer.show(found)
    sys.stdout.flush()
    if most is None and found:
        _tell_delay(found[-1])
    return len(found)


class _Found:
    """A listing that was made already, as a source."""

    def __init__(self, source: Fresh, listing: Listing) -> None:
        self.name = source.name
        self.fetch = source.fetch
        self._listing = listing

    def find(self, window: Window) -> Listing:
        """The listing, whatever the window."""
        del window
        return self._listing


def _tell_delay(newest: dict[str, Any]) -> None:
    if newest["timestamp"] is not None:
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        delay = max(now - newest["timestamp"], timedelta()).total_seconds()
        sys.stderr.write(f"-- newest line was {delay:.0f} s old when it was shown\n")


def _conditions(given: argparse.Namespace) -> str:
    parts = ["TRUE"]
    if not given.platform and not given.request:
        parts.append("(type NOT LIKE 'platform.%' OR level IN ('ERROR', 'CRITICAL'))")
    if given.function:
        parts.append(f"functionName = {_text(given.function)}")
    if given.request:
        parts.append(f"requestId = {_text(given.request)}")
    if given.level:
        parts.append(f"level IN ({', '.join(_text(each) for each in at_least(given.level))})")
    return " AND ".join(parts)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
