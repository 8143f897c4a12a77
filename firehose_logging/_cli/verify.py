"""``firehose-logging verify``: by its numbers, whether everything arrived, and arrived once."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import arguments as _arguments
from firehose_logging._cli import render

if TYPE_CHECKING:
    from firehose_logging._cli.lake import Lake

EXAMPLE = """\
  firehose-logging verify --from s3://my-logs/firehose/ --since 24h
  firehose-logging verify --from ./bucket --format json

Every line of an environment has a number, seq. A number that is missing is a lost line, unless it
is still on its way; one that comes twice was sent twice.
exit status: 0 everything arrived; 1 lines are missing or were told as lost; 2 wrong input
"""

#: Seconds. Firehose's longest interval, and the package's own ten seconds between flushes.
ON_ITS_WAY = 910

_INSTANCES = """
SELECT instanceId, any_value(functionName), min(seq), max(seq), count(*), count(seq),
    count(DISTINCT seq), min(timestamp), max(timestamp)
FROM every_line GROUP BY instanceId ORDER BY min(timestamp)
"""
_GAPS = """
SELECT instanceId, seq + 1, following - 1, timestamp, followingAt FROM (
    SELECT instanceId, seq, timestamp,
        lead(seq) OVER (PARTITION BY instanceId ORDER BY seq) AS following,
        lead(timestamp) OVER (PARTITION BY instanceId ORDER BY seq) AS followingAt
    FROM every_line WHERE seq IS NOT NULL
) WHERE following > seq + 1 ORDER BY timestamp
"""
_CLOCK = """
SELECT instanceId, count(*), max(date_diff('microsecond', timestamp, before)) / 1000.0 FROM (
    SELECT instanceId, timestamp,
        lag(timestamp) OVER (PARTITION BY instanceId ORDER BY seq) AS before
    FROM every_line WHERE type = 'function' AND seq IS NOT NULL
) WHERE timestamp < before GROUP BY instanceId
"""
#: A function may have an ``extra`` of either name: only our own lines tell.
_TOLD = """
SELECT instanceId, lost, diverted FROM every_line
WHERE type = 'extension' AND logger = 'firehose_logging'
    AND (lost IS NOT NULL OR diverted IS NOT NULL)
"""


@dataclass
class Instance:
    """What an environment's numbers say.

    Args:
        lines: lines read, copies included.
        missing: numbers that have not arrived and will not.
        pending: numbers that may still be on their way.
        gaps: from and to of what is missing, at most a few.
        duplicates: copies beyond the first.
        lost: what the environment itself told as lost, by reason.
        diverted: what it told as written to the function's own output instead.
        unordered: lines of the function that are older than the one before.
        backwards_ms: by how much at most.
    """

    instance: str
    function: str | None
    first: int | None
    last: int | None
    lines: int
    duplicates: int
    first_at: datetime | None
    last_at: datetime | None
    missing: int = 0
    pending: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    diverted: int = 0
    unordered: int = 0
    backwards_ms: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether everything arrived, may still arrive, or is in the function's own output."""
        return self.missing <= self.diverted and not self.lost


def main(argv: list[str]) -> int:
    """Run the command."""
    parser = _arguments.parser("verify", "Prove that nothing is missing or twice.", EXAMPLE)
    parser.add_argument(
        "--format", choices=render.FORMATS, default="table", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--grace",
        type=int,
        default=ON_ITS_WAY,
        metavar="SECONDS",
        help="a gap before a line that is younger may still be filled (default: %(default)s)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="copies and lines without a number are a failure too"
    )
    _arguments.add_source(parser)
    given = parser.parse_args(argv)
    with _arguments.open_lake("verify", given) as lake:
        found, unnumbered = examine(
            lake,
            datetime.now(timezone.utc) - timedelta(seconds=given.grace),
            whole=not given.since,
        )
        damaged = bool(lake.problems)
    _show(found, unnumbered, given.format)
    bad = [each for each in found if not each.whole]
    strict = given.strict and (unnumbered or any(each.duplicates for each in found))
    return 1 if bad or strict or damaged else 0


def examine(lake: Lake, settled: datetime, whole: bool) -> tuple[list[Instance], int]:
    """The environments in the lines, and how many lines have no number at all.

    Args:
        lake: the lines.
        settled: lines older than this have arrived, whatever was sent before them too.
        whole: numbers are expected from 1 on; else from the first that is there.
    """
    found: dict[str, Instance] = {}
    unnumbered = 0
    for row in lake.run(_INSTANCES)[1]:
        if row[0] is None or row[2] is None:
            unnumbered += row[4]
            continue
        unnumbered += row[4] - row[5]
        name, function, first, last, count, numbered, distinct, first_at, last_at = row
        found[name] = Instance(
            name, function, first, last, count, numbered - distinct, first_at, last_at
        )
    limit = settled.replace(tzinfo=None)
    for name, first, last, _, following in lake.run(_GAPS)[1]:
        _gap(found[name], first, last, following is not None and following >= limit)
    for each in found.values():
        if whole and each.first is not None and each.first > 1:
            young = each.first_at is not None and each.first_at >= limit
            _gap(each, 1, each.first - 1, young)
    for name, count, backwards in lake.run(_CLOCK)[1]:
        found[name].unordered, found[name].backwards_ms = count, float(backwards)
    for name, lost, diverted in lake.run(_TOLD)[1]:
        if name in found:
            found[name].lost.update(_counts(lost))
            found[name].diverted += sum(_counts(diverted).values())
    return list(found.values()), unnumbered


def _gap(of: Instance, first: int, last: int, young: bool) -> None:
    if young:
        of.pending += last - first + 1
    else:
        of.missing += last - first + 1
        of.gaps.append((first, last))


def _counts(text: str | None) -> dict[str, int]:
    """Counts by reason, from the column's JSON text; a bare number is one without a reason."""
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    if isinstance(value, int):
        return {"": value}
    if not isinstance(value, dict):
        return {}
    return {str(key): count for key, count in value.items() if isinstance(count, int)}


def _show(found: list[Instance], unnumbered: int, form: str) -> None:
    if form == "json":
        for each in found:
            text = {key: render.plain(value) for key, value in vars(each).items()}
            sys.stdout.write(json.dumps({**text, "whole": each.whole}) + "\n")
        return
    columns = ("instance", "function", "first", "last", "lines", "missing", "on their way",
               "twice", "told lost", "diverted", "clock", "gaps")  # fmt: skip
    render.write(columns, [_row(each) for each in found], form)
    if form == "csv":
        return
    sys.stdout.write(verdict(found, unnumbered) + "\n")


def verdict(found: list[Instance], unnumbered: int) -> str:
    """All environments in one sentence."""
    missing = sum(each.missing for each in found)
    told = sum(each.lost.total() for each in found)
    diverted = sum(each.diverted for each in found)
    lines = sum(each.lines for each in found)
    words = [f"{lines:,} lines of {len(found):,} environment{'' if len(found) == 1 else 's'}"]
    words.append(f"{missing:,} missing" if missing else "none missing")
    words.append(f"{told:,} told as lost" if told else "none told as lost")
    if diverted:
        words.append(f"{diverted:,} diverted to the function's own output, and so missing here")
    pending = sum(each.pending for each in found)
    if pending:
        words.append(f"{pending:,} perhaps still on their way")
    twice = sum(each.duplicates for each in found)
    words.append(f"{twice:,} came twice" if twice else "none came twice")
    if unnumbered:
        words.append(f"{unnumbered:,} lines without a number, not written by firehose-logging")
    return "; ".join(words) + "."


def _row(each: Instance) -> tuple[Any, ...]:
    lost = ", ".join(f"{count} {reason}".strip() for reason, count in each.lost.items())
    clock = (
        f"{each.unordered} back, {each.backwards_ms:g} ms at most" if each.unordered else "in order"
    )
    some = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in each.gaps[:5])
    more = f" and {len(each.gaps) - 5} more" if len(each.gaps) > 5 else ""
    return (each.instance, each.function, each.first, each.last, each.lines, each.missing,
            each.pending, each.duplicates, lost, each.diverted, clock, some + more)  # fmt: skip
