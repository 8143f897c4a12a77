"""What the raw results say: figures of ours beside those of others, with targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import BARE, BY_NAME, OURS, OURS_BOTO3
from benchmarks.hot_path import CAPTURED
from benchmarks.paired import Figure, differences, figure

if TYPE_CHECKING:
    from collections.abc import Iterable

Rows = Mapping[str, Sequence[Mapping[str, Any]]]

#: Of those that bring the lines nowhere: a reader would otherwise compare unlike things.
_SHIPS_NOTHING = "ships nothing"


@dataclass(frozen=True)
class Entry:
    """One candidate's figure.

    Args:
        name: as in the tables.
        value: median and quartiles.
        note: what must be known to compare it; empty for nothing.
    """

    name: str
    value: Figure
    note: str = ""


@dataclass(frozen=True)
class Metric:
    """One thing that was measured.

    Args:
        section: of the page.
        name: what, with what it is compared to where it is a difference.
        unit: of all figures; empty for a ratio.
        entries: ours first.
        digits: after the point.
        target: most that ours may be; None without a target.
        bound: most that any single run may be; None without one.
    """

    section: str
    name: str
    unit: str
    entries: Sequence[Entry]
    digits: int = 1
    target: float | None = None
    bound: float | None = None

    @property
    def ours(self) -> Entry:
        """The first entry."""
        return self.entries[0]

    @property
    def reached(self) -> str:
        """Whether the target was: yes, no, or unsure; empty without one.

        Unsure when the rounds differ so much that the median may be on either side of it.
        """
        if self.target is None:
            return ""
        value = self.ours.value
        if value.least_median > self.target or (self.bound is not None and value.most > self.bound):
            return "no"
        return "yes" if value.most_median <= self.target else "unsure"

    @property
    def wanted(self) -> str:
        """The target in words; empty without one."""
        if self.target is None:
            return ""
        text = f"<= {self.target:g} {self.unit}".rstrip()
        return text if self.bound is None else f"{text}, never over {self.bound:g}"

    def times(self, entry: Entry) -> float | None:
        """How many times ours an entry is; None where that says nothing (ours is about 0)."""
        ours = self.ours.value.median
        return entry.value.median / ours if ours >= 10.0**-self.digits else None


def all_metrics(results: Mapping[str, Any]) -> list[Metric]:
    """Of every section that was measured, in the order of the page."""
    makers: dict[str, Callable[[Any], list[Metric]]] = {
        "cold start": _cold,
        "first delivery": _delivery,
        "log call": _log_call,
        "throughput": _throughput,
        "billed": _billed,
        "warm": _warm,
        "hold": _hold,
        "shutdown": _shutdown,
    }
    found = []
    for name, make in makers.items():
        if name in results["sections"]:
            found += make(results["sections"][name])
    return found


def _part(results: Rows, part: str) -> dict[str, list[Mapping[str, float]]]:
    return {name: [row[part] for row in rows] for name, rows in results.items()}


def _entries(values: Mapping[str, Figure], without: Iterable[str] = ()) -> list[Entry]:
    names = [OURS.name, *(name for name in values if name != OURS.name)]
    return [
        Entry(name, values[name], _note(name))
        for name in names
        if name in values and name not in without
    ]


def _note(name: str) -> str:
    candidate = BY_NAME.get(name)
    if candidate is None or candidate.delivers_to or candidate.package is None:
        return ""
    return _SHIPS_NOTHING


def _cold(results: Rows) -> list[Metric]:
    return _more_than_bare(
        results,
        "Cold start",
        "{what}, more than bare, {where}",
        (
            ("ms", "ms", "time to the first answer", 10.0),
            ("mib", "MiB", "memory at the first answer", 4.0),
            ("cpu_ms", "ms", "CPU to the first answer", None),
        ),
        (("rie", "AWS's emulator"), ("local", "local Lambda")),
    )


def _delivery(results: Rows) -> list[Metric]:
    return _more_than_bare(
        results,
        "First delivery",
        "{what} until the first batch is delivered, more than bare, {where}",
        (("cpu_ms", "ms", "CPU", 60.0), ("mib", "MiB", "memory", 16.0)),
        (("http", "plain"), ("tls", "TLS")),
    )


def _more_than_bare(
    results: Rows,
    section: str,
    text: str,
    figures: tuple[tuple[str, str, str, float | None], ...],
    parts: tuple[tuple[str, str], ...],
) -> list[Metric]:
    """Differences to the bare function: key, unit, name and target, each in every part."""
    found = []
    for key, unit, what, target in figures:
        for part, where in parts:
            values = differences(_part(results, part), BARE.name, key)
            found.append(
                Metric(
                    section,
                    text.format(what=what, where=where),
                    unit,
                    _entries(values, [BARE.name]),
                    target=target,
                )
            )
    return found


#: The logger that the others are compared with.
LAMBDA_JSON = "Lambda JSON"
_RECORDS = {
    "short": "short",
    "typical": "typical",
    "exception": "exception",
    "twenty_extras": "20 extras",
}


def _log_call(results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Metric]:
    found = []
    for threads, records in results.items():
        if threads == CAPTURED:
            found += _captured(records)
            continue
        alone = threads == "1"
        for record, loggers in records.items():
            values = {
                name: figure(logger["ratios"])
                for name, logger in loggers.items()
                if name != LAMBDA_JSON
            }
            found.append(
                Metric(
                    "Log call",
                    f"{_RECORDS[record]} record, times Lambda's JSON logging, "
                    f"{threads} thread{'' if alone else 's'}",
                    "",
                    _entries(values),
                    digits=2,
                    target=0.75 if alone and record == "typical" else None,
                )
            )
    return found


def _captured(results: Mapping[str, Mapping[str, Any]]) -> list[Metric]:
    """What the capture adds to what the runtime's own output takes."""
    return [
        Metric(
            "Log call",
            f"one {what}, which goes on to the runtime's own output",
            "µs",
            _entries({OURS.name: figure(times["captured"]), BARE.name: figure(times["bare"])}),
        )
        for what, times in results.items()
    ]


def _throughput(results: Mapping[str, Any]) -> list[Metric]:
    senders: Rows = results["senders"]
    values: tuple[Callable[[Mapping[str, Any]], float], ...] = (
        lambda row: row["lines"] / row["seconds"],
        lambda row: row["cpu"] / row["lines"] * 1e6,
        lambda row: row["mib"],
    )
    speeds, cpu, mib = (
        {name: figure([value(row) for row in rows]) for name, rows in senders.items()}
        for value in values
    )
    section = "Throughput"
    return [
        Metric(section, "lines a second, 2,000 lines", "/s", _entries(speeds), 0),
        Metric(section, "CPU for each line, 2,000 lines", "us", _entries(cpu)),
        Metric(section, "peak memory of the process, 2,000 lines", "MiB", _entries(mib)),
    ]


#: Bytes of a flush from which the target holds.
_FROM = 64 * 1024


def _billed(results: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> list[Metric]:
    found = []
    for compression, what, target in (
        ("none", "billed bytes per byte logged, most from 64 KiB a flush", 1.05),
        ("gzip", "billed bytes per byte logged with gzip, most from 64 KiB a flush", 0.2),
    ):
        for lines, by_compression in results.items():
            flushes = [f for f in by_compression[compression] if f["size"] >= _FROM]
            values = {
                OURS.name: _exactly(max(flush["ratio"] for flush in flushes)),
                "a record for each line": _exactly(min(f["line_by_line"] for f in flushes)),
            }
            found.append(
                Metric("Cost", f"{what}, {lines}", "", _entries(values), digits=3, target=target)
            )
    return found


def _exactly(value: float) -> Figure:
    return figure([value])


def _warm(results: Mapping[str, Any]) -> list[Metric]:
    without = results["without"]
    added = [
        mine - its
        for mine, its in zip(without[OURS.name]["ms"], without[BARE.name]["ms"], strict=True)
    ]
    lines = {name: [{"ms": ms} for ms in row["ms"]] for name, row in results["lines"].items()}
    cpu = without[OURS.name]["cpu_ms"][0] - without[BARE.name]["cpu_ms"][0]
    return [
        Metric(
            "Invocations",
            "answer without a flush, more than bare",
            "ms",
            [Entry(OURS.name, figure(added))],
            digits=3,
            target=0.3,
        ),
        Metric(
            "Invocations",
            "CPU of an invocation without a flush, more than bare",
            "ms",
            [Entry(OURS.name, figure([cpu]))],
            digits=3,
        ),
        Metric(
            "Invocations",
            "answer with three lines at 20 ms round trip, more than bare",
            "ms",
            _entries(differences(lines, BARE.name, "ms"), [BARE.name, OURS_BOTO3.name]),
        ),
    ]


def _hold(results: Mapping[str, Any]) -> list[Metric]:
    trip = figure(results["round_trip"]).median
    found = []
    for mode, name, target in (
        ("end", "`end`: hold after the response, less one round trip", 3.0),
        ("periodic", "`periodic`: hold after the response, dense traffic", 0.3),
        ("adaptive", "`adaptive`: hold after the response, dense traffic", 0.3),
    ):
        pairs = zip(results[mode]["ours"], results[mode]["bare"], strict=True)
        less = trip if mode == "end" else 0.0
        value = figure([mine - its - less for mine, its in pairs])
        found.append(
            Metric("Invocations", name, "ms", [Entry(OURS.name, value)], digits=3, target=target)
        )
    return found


def _shutdown(results: Sequence[float]) -> list[Metric]:
    return [
        Metric(
            "Shutdown",
            "SIGTERM until 1 MiB is delivered, 20 ms round trip",
            "ms",
            [Entry(OURS.name, figure(results))],
            digits=0,
            target=100.0,
            bound=300.0,
        )
    ]
