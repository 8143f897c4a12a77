"""What the raw results say: figures of ours beside those of others, with targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import starts
from benchmarks.anchor import ANCHOR, THEN
from benchmarks.candidates import BARE, OURS, OURS_BOTO3
from benchmarks.hot_path import CAPTURED
from benchmarks.metric import Entry, Metric, entries
from benchmarks.paired import Figure, differences, figure
from benchmarks.starts import Rows


def all_metrics(results: Mapping[str, Any]) -> list[Metric]:
    """Of every section that was measured, in the order of the page."""
    makers: dict[str, Callable[[Any], list[Metric]]] = {
        "cold start": starts.cold,
        "first delivery": starts.delivery,
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


#: What `benchmarks.calls` calls its steps and its environments, and what each may take.
_CALLS = (
    ("log call, two extras", "one log call with two extras", {"on": 1.6, "off": 0.75}),
    ("print", "one print", {"on": 2.0, "off": 1.0}),
)


def of_calls(results: Mapping[str, Any]) -> list[Metric]:
    """CPU of a call in AWS's emulator, as a multiple of the bare function's in the same round.

    Args:
        results: what ``benchmarks.calls`` has stored.
    """
    found = []
    for step, what, targets in _CALLS:
        environments = results["us a call"][step]
        bare = environments["bare"]["least cpu"]
        for passthrough, target in targets.items():
            values = {
                name: figure(
                    [mine / its for mine, its in zip(kept["least cpu"], bare, strict=True)]
                )
                for name, kept in (
                    (OURS.name, environments.get(f"now {passthrough}")),
                    (THEN.name, environments.get(f"{ANCHOR} {passthrough}")),
                )
                if kept
            }
            found.append(
                Metric(
                    "Log call",
                    f"{what}, CPU, times bare, passthrough {passthrough} ({results['day']})",
                    "",
                    entries(values),
                    digits=2,
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
                    entries(values),
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
            f"one {what} with passthrough, in a process of its own, output to /dev/null",
            "µs",
            entries({OURS.name: figure(times["captured"]), BARE.name: figure(times["bare"])}),
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
        Metric(section, "lines a second, 2,000 lines", "/s", entries(speeds), 0),
        Metric(section, "CPU for each line, 2,000 lines", "us", entries(cpu)),
        Metric(section, "peak memory of the process, 2,000 lines", "MiB", entries(mib)),
    ]


#: Bytes of a flush from which the target holds.
_FROM = 64 * 1024


def _billed(results: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> list[Metric]:
    found = []
    for compression, what, target in (
        ("none", "billed bytes per byte logged, most from 64 KiB a flush", 1.02),
        ("gzip", "billed bytes per byte logged with gzip, most from 64 KiB a flush", 0.2),
    ):
        for lines, by_compression in results.items():
            flushes = [f for f in by_compression[compression] if f["size"] >= _FROM]
            values = {
                OURS.name: _exactly(max(flush["ratio"] for flush in flushes)),
                "a record for each line": _exactly(min(f["line_by_line"] for f in flushes)),
            }
            found.append(
                Metric("Cost", f"{what}, {lines}", "", entries(values), digits=3, target=target)
            )
    return found


def _exactly(value: float) -> Figure:
    return figure([value])


def _warm(results: Mapping[str, Any]) -> list[Metric]:
    without = results["without"]
    more = [
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
            [Entry(OURS.name, figure(more))],
            digits=3,
            target=0.2,
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
            entries(differences(lines, BARE.name, "ms"), [BARE.name, OURS_BOTO3.name]),
        ),
    ]


def _hold(results: Mapping[str, Any]) -> list[Metric]:
    trip = figure(results["round_trip"]).median
    found = []
    for mode, name, target in (
        ("end", "`end`: hold after the response, less one round trip", 1.0),
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


def _shutdown(results: Mapping[str, Sequence[float]]) -> list[Metric]:
    return [
        Metric(
            "Shutdown",
            f"SIGTERM until 1 MiB is delivered, 20 ms round trip{what}",
            "ms",
            [Entry(OURS.name, figure(results[part]))],
            digits=0,
            target=70.0,
            bound=300.0,
        )
        for part, what in (("at rest", ""), ("hung", ", a call in flight hangs"))
    ]
