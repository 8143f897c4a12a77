"""``firehose-logging report``: one page to look at, whole in itself."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from datetime import datetime, timedelta, timezone
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import arguments as _arguments
from firehose_logging._cli import cost, report_data, verify
from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.prices import Prices, bills

if TYPE_CHECKING:
    from firehose_logging._cli.lake import Lake

EXAMPLE = """\
  firehose-logging report --from s3://my-logs/firehose/ --since 6h --out report.html
  firehose-logging report --from ./bucket --out report.html --title "The shop on Saturday"

The page needs no network and no server. It holds log lines: share it as you would share those.
"""
#: Lines that the page carries; the numbers are of all.
MOST_LINES = 100_000
MOST_INVOCATIONS = 50_000


def main(argv: list[str]) -> int:
    """Run the command."""
    parser = _arguments.parser("report", "Write one HTML page to look at.", EXAMPLE)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="(default: %(default)s)",
    )
    parser.add_argument("--title", default="Logs", help="heading of the page")
    parser.add_argument(
        "--lines",
        type=int,
        default=MOST_LINES,
        metavar="N",
        help="newest lines that the page carries for its stories (default: %(default)s)",
    )
    _arguments.add_source(parser)
    given = parser.parse_args(argv)
    if given.lines < 0:
        raise CommandError(f"--lines {given.lines}: 0 or more is needed")
    with _arguments.open_lake("report", given) as lake:
        page = render(lake, given.title, given.source, given.lines, whole=not given.since)
    try:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(page, "utf-8")
    except OSError as error:
        raise CommandError(f"--out {given.out}: {error.strerror}") from error
    size = len(page.encode())
    shown = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
    sys.stdout.write(f"{given.out} ({shown})\n")
    return 0


def render(lake: Lake, title: str, source: str, most: int, *, whole: bool) -> str:
    """The page.

    Args:
        lake: the lines.
        title: its heading.
        source: where the lines are, for the text below it.
        most: lines that it carries.
        whole: numbers of environments are expected from 1 on.
    """
    summary, lines = report_data.collect(lake, most, MOST_INVOCATIONS)
    now = datetime.now(timezone.utc)
    settled = now - timedelta(seconds=verify.ON_ITS_WAY)
    found, unnumbered = verify.examine(lake, settled, whole)
    usage = cost.measured(lake, scans=1)
    prices = Prices()
    worst = sorted(found, key=lambda each: (each.whole, not each.duplicates))
    summary |= {
        "about": f"{summary['lines']:,} lines from {source}, made {now:%Y-%m-%d %H:%M} UTC",
        "missing": sum(each.missing for each in found),
        "verdict": verify.verdict(found, unnumbered),
        "proof": [_proof(each) for each in worst[:100]],
        "costAbout": f"Dollars, us-east-1, prices as of {prices.as_of}",
        "cost": [{**vars(each), "total": each.total} for each in bills(usage, prices)],
    }
    summary["notes"] += lake.remarks()
    return _page(title, summary, lines)


def _proof(each: verify.Instance) -> dict[str, Any]:
    return {
        "id": each.instance,
        "fn": each.function or "",
        "lines": each.lines,
        "missing": each.missing,
        "pending": each.pending,
        "duplicates": each.duplicates,
        "lost": each.lost.total(),
    }


def _page(title: str, summary: dict[str, Any], lines: dict[str, Any]) -> str:
    from html import escape

    folder = resources.files("firehose_logging._cli").joinpath("page")

    def file(name: str) -> str:
        return folder.joinpath(name).read_text("utf-8")

    # `<` cannot appear inside of the script element: nothing of a log line can end it.
    text = json.dumps(summary, separators=(",", ":")).replace("<", "\\u003c")
    packed = gzip.compress(json.dumps(lines, separators=(",", ":")).encode(), 6, mtime=0)
    parts = {
        "%TITLE%": escape(title),
        "%CSS%": file("report.css"),
        "%SUMMARY%": text,
        "%LINES%": base64.b64encode(packed).decode(),
        "%CHARTS%": file("charts.js"),
        "%SCRIPT%": file("report.js"),
    }
    import re

    return re.sub("|".join(parts), lambda found: parts[found.group()], file("report.html"))
