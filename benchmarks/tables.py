"""Metrics as tables, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import BARE
from benchmarks.paired import figure
from benchmarks.starts import ENVIRONMENTS, MB

if TYPE_CHECKING:
    from benchmarks.metric import Entry, Metric

_HEAD = ("what", "ours", "against", "theirs", "times ours", "target", "reached")


def rows(metrics: Sequence[Metric], versions: Mapping[str, str]) -> list[tuple[str, ...]]:
    """One row for each candidate that a metric has beside ours; the first one says what it is."""
    found: list[tuple[str, ...]] = []
    for metric in metrics:
        first = (metric.name, value(metric, metric.ours))
        last = (metric.wanted, metric.reached)
        others = list(metric.entries[1:])
        if not others:
            found.append((*first, "", "", "", *last))
        for entry in others:
            times = metric.times(entry)
            found.append(
                (
                    *first,
                    who(entry, versions),
                    value(metric, entry),
                    "" if times is None else f"{times:.{1 if abs(times) >= 1 else 2}f}",
                    *last,
                )
            )
            first, last = ("", ""), ("", "")
    return found


def value(metric: Metric, entry: Entry) -> str:
    """An entry's figure with its unit."""
    return f"{entry.value.show(metric.digits)} {metric.unit}".rstrip()


def who(entry: Entry, versions: Mapping[str, str]) -> str:
    """An entry's name with the version of what it is, and its note."""
    version = versions.get(entry.name, "-")
    text = entry.name if version == "-" else f"{entry.name} {version}"
    return f"{text} ({entry.note})" if entry.note else text


def text(table: Sequence[tuple[str, ...]], head: Sequence[str] = _HEAD) -> str:
    """For the terminal."""
    lines = [tuple(head), *table]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join(shown)


def markdown(
    table: Sequence[tuple[str, ...]], head: Sequence[str] = _HEAD, numbers: str = ""
) -> str:
    """For the page.

    Args:
        table: its rows.
        head: its columns.
        numbers: a character for each column, ``1`` where it holds numbers, which stand at the
            right; empty where all stand at the left.
    """
    under = ["---:" if kind == "1" else "---" for kind in numbers or "0" * len(head)]
    lines = [head, under, *table]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cold_starts(
    metrics: Sequence[Metric], rows: Mapping[str, Sequence[Any]], versions: Mapping[str, str]
) -> str:
    """One row for each candidate, a column for each figure of its cold start, as markdown.

    Args:
        metrics: all; those of cold starts are shown.
        rows: what was measured.
        versions: of the candidates.
    """
    chosen = [metric for metric in metrics if metric.section == "Cold start"]
    ratios = [metric for metric in chosen if metric.unit != "ms"]
    times = [metric for metric in chosen if metric.unit == "ms"]
    found = (
        _bare_itself(rows),
        _side_by_side("added / bare's own; memory: MB more", ratios, versions),
        _side_by_side("ms more than bare", times, versions),
    )
    return "\n\n".join(found)


def _side_by_side(what: str, metrics: Sequence[Metric], versions: Mapping[str, str]) -> str:
    """One row for each candidate, a column for each metric."""
    columns = [{entry.name: entry.value for entry in metric.entries} for metric in metrics]
    table = []
    for entry in metrics[0].entries:
        cells = (
            values[entry.name].show(metric.digits)
            for metric, values in zip(metrics, columns, strict=True)
        )
        table.append((who(entry, versions), *cells))
    heads = (f"{m.name.partition(' ')[0]}, {m.name.rpartition(', ')[2]}" for m in metrics)
    return markdown(table, (what, *heads))


def _bare_itself(rows: Mapping[str, Sequence[Any]]) -> str:
    """What the others are compared with."""
    found = []
    for part, where in ENVIRONMENTS:
        ms, cpu, mib = (
            figure([row[part][key] for row in rows[BARE.name]]) for key in ("ms", "cpu_ms", "mib")
        )
        found.append(
            f"{ms.show()} ms, {cpu.show()} ms of CPU and {mib.median * MB:.1f} MB in {where}"
        )
    return f"The bare function itself takes {'; '.join(found)}."


def targets(metrics: Sequence[Metric]) -> str:
    """What was to be reached, and what was, as markdown."""
    table = [
        (metric.name, metric.wanted, value(metric, metric.ours), metric.reached)
        for metric in metrics
        if metric.target is not None
    ]
    return markdown(table, ("what", "target", "measured", "reached"))


def quickest(rows: Mapping[str, Sequence[Mapping[str, Any]]], base: str) -> str:
    """Of each candidate the least of all rounds, less the least of ``base``, as markdown.

    Other work on the machine makes nothing quicker, so the least has the least of it.
    """
    columns = [(where, key) for key in ("ms", "cpu_ms") for where in ("rie", "local")]

    def least(name: str) -> list[float]:
        return [min(row[where][key] for row in rows[name]) for where, key in columns]

    zero = least(base)
    table = [
        (name, *(f"{mine - its:.1f}" for mine, its in zip(least(name), zero, strict=True)))
        for name in rows
        if name != base
    ]
    head = ("ms, least of all rounds, more than the least of bare", "AWS's emulator")
    return markdown(table, (*head, "local Lambda", "CPU, AWS's emulator", "CPU, local Lambda"))


def log_calls(loggers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Microseconds a call, a row for each logger, a column for each record, as markdown."""
    names = list(next(iter(loggers.values())))
    table = [
        (name, *(f"{loggers[record][name]['us']:.1f}" for record in loggers)) for name in names
    ]
    heads = ("us a call", *(record.replace("_", " ") for record in loggers))
    return markdown(table, heads)


def sizes(runs: Sequence[Mapping[str, Any]]) -> str:
    """Throughput of ours by the number of lines, as markdown."""
    table = [
        (
            f"{run['lines']:,}",
            f"{run['bytes'] / 1e6:,.1f}",
            f"{run['lines'] / run['seconds']:,.0f}",
            f"{run['bytes'] / 1e6 / run['seconds']:.1f}",
            f"{run['cpu'] * 1000 / (run['bytes'] / 1e6):.0f}",
            f"{run['mib']:.1f}",
            f"{run['billed'] / run['bytes']:.3f}",
        )
        for run in runs
    ]
    head = (
        *("lines", "MB", "lines/s", "MB/s", "CPU ms per MB"),
        *("peak memory, MiB", "billed bytes per byte"),
    )
    return markdown(table, head)


def billing(senders: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What each sender's 2,000 lines are billed as in Firehose, as markdown."""
    table = [
        (
            name,
            f"{figure([run['bytes'] / run['lines'] for run in runs]).median:.0f}",
            f"{figure([run['billed'] / run['lines'] for run in runs]).median:,.0f}",
            f"{figure([run['billed'] / run['bytes'] for run in runs]).median:.1f}",
        )
        for name, runs in senders.items()
        if all(run["bytes"] for run in runs)
    ]
    return markdown(table, ("sender", "bytes a line", "billed a line", "ratio"))
