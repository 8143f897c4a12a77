"""The pictures of docs/benchmarks.md: what they show; children/plot.py draws them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from benchmarks.anchor import THEN
from benchmarks.candidates import ROOT, set_up_plots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.metric import Metric

FOLDER = ROOT / "docs" / "plots"


def draw(metrics: Sequence[Metric], results: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Draw all of them, in an environment that has matplotlib."""
    python = set_up_plots(say)
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [str(python), "-m", "benchmarks.children.plot", str(FOLDER)],
        cwd=ROOT,
        input=json.dumps(charts(metrics, results)),
        text=True,
        check=True,
        timeout=120,
    )


def charts(metrics: Sequence[Metric], results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each chart as bars in groups, ready for JSON."""
    return [
        _compared(
            metrics,
            "cold-start",
            "Time to the first answer: what is added to the bare function's own",
            "times the bare function's own",
            {
                "time to the first answer, added / bare's own, AWS's emulator": "AWS's emulator",
                "time to the first answer, added / bare's own, local Lambda": "local Lambda",
            },
            2,
        ),
        _compared(
            metrics,
            "memory",
            "Memory, more than the bare function",
            "MB",
            {
                "memory at the first answer, more than bare, local Lambda": "first answer",
                "memory until the first batch is delivered, more than bare, TLS": "first delivery",
            },
        ),
        _log_call(results["sections"]["log call"]["1"]),
        _billed(results["sections"]["billed"]["200 B lines"]),
    ]


def _compared(
    metrics: Sequence[Metric],
    file: str,
    title: str,
    unit: str,
    series: Mapping[str, str],
    digits: int = 1,
) -> dict[str, Any]:
    """The same candidates under several metrics; those that a metric lacks have no bar there."""
    by_name = {metric.name: metric for metric in metrics}
    found = [{entry.name: entry for entry in by_name[name].entries} for name in series]
    # What ours once was is in the tables; a picture is for those who choose.
    shown = [name for name in found[0] if name != THEN.name]
    names = sorted(shown, key=lambda name: found[0][name].value.median)
    notes = {entry.name: entry.note for entry in found[0].values()}
    return {
        "file": file,
        "title": title,
        "axis": unit,
        "digits": digits,
        "series": list(series.values()),
        "bars": [
            {
                "name": f"{name} ({notes[name]})" if notes[name] else name,
                "ours": name.startswith("firehose-logging"),
                "values": [
                    None
                    if name not in entries
                    else [getattr(entries[name].value, part) for part in ("median", "low", "high")]
                    for entries in found
                ],
            }
            for name in names
        ],
    }


def _log_call(records: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    typical = records["typical"]
    return {
        "file": "log-call",
        "title": "One log call",
        "axis": "microseconds",
        "series": [record.replace("_", " ") for record in records],
        "bars": [
            {
                "name": name,
                "ours": name.startswith("firehose-logging"),
                "values": [[loggers[name]["us"]] * 3 for loggers in records.values()],
            }
            for name in sorted(typical, key=lambda name: typical[name]["us"])
        ],
    }


def _billed(lines: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, Any]:
    plain, gzip = lines["none"], lines["gzip"]
    return {
        "file": "billed-ratio",
        "title": "Bytes that Firehose bills for each byte logged, lines of 200 bytes",
        "axis": "KiB a flush",
        "curves": [
            {"name": name, "ours": ours, "points": points}
            for name, ours, points in (
                ("a record for each line", False, _points(plain, "line_by_line")),
                ("firehose-logging", True, _points(plain, "ratio")),
                ("firehose-logging, gzip", True, _points(gzip, "ratio")),
            )
        ],
    }


def _points(flushes: Sequence[Mapping[str, float]], key: str) -> list[tuple[float, float]]:
    return [(flush["size"] / 1024, flush[key]) for flush in flushes]
