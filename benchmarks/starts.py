"""Cold starts and first deliveries: what is added to the bare function's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.anchor import ANCHOR, THEN
from benchmarks.candidates import BARE, OURS
from benchmarks.metric import Entry, Metric, entries
from benchmarks.paired import added, differences, figure

#: By candidate, each round's figures by where they were measured.
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
#: Megabytes of a MiB: memory is asked for in MB.
MB = 1.048576
ENVIRONMENTS = (("rie", "AWS's emulator"), ("local", "local Lambda"))


def cold(results: Rows) -> list[Metric]:
    """What is added, as a multiple of the bare function's own, and as it was measured."""
    found = []
    for key, what, target in (
        ("ms", "time to the first answer", 0.15),
        ("cpu_ms", "CPU to the first answer", None),
    ):
        for part, where in ENVIRONMENTS:
            values = added(_part(results, part), BARE.name, key)
            found.append(
                Metric(
                    "Cold start",
                    f"{what}, added / bare's own, {where}",
                    "",
                    entries(values, [BARE.name]),
                    digits=2,
                    # By what the service's own emulator says: the local Lambda shares our cores.
                    target=target if part == "rie" else None,
                )
            )
    figures = (
        ("mib", "MB", "memory at the first answer", 1.5),
        ("ms", "ms", "time to the first answer", None),
        ("cpu_ms", "ms", "CPU to the first answer", None),
    )
    text = "{what}, more than bare, {where}"
    return found + _more_than_bare(results, "Cold start", text, figures, ENVIRONMENTS)


def delivery(results: Rows) -> list[Metric]:
    """Beside the anchor, and more than the bare function."""
    wires = (("http", "plain"), ("tls", "TLS"))
    return _beside_then(results, wires) + _more_than_bare(
        results,
        "First delivery",
        "{what} until the first batch is delivered, more than bare, {where}",
        (("cpu_ms", "ms", "CPU", None), ("mib", "MB", "memory", 16.0)),
        wires,
    )


def _beside_then(results: Rows, wires: tuple[tuple[str, str], ...]) -> list[Metric]:
    """What ours adds, as a multiple of what it added at the anchor; nothing where that is not."""
    found = []
    for part, where in wires if THEN.name in results else ():
        rows = _part(results, part)
        ratios = [
            (now["cpu_ms"] - bare["cpu_ms"]) / (then["cpu_ms"] - bare["cpu_ms"])
            for now, then, bare in zip(
                rows[OURS.name], rows[THEN.name], rows[BARE.name], strict=True
            )
        ]
        found.append(
            Metric(
                "First delivery",
                f"CPU until the first batch is delivered, times that of {ANCHOR}, {where}",
                "",
                [Entry(OURS.name, figure(ratios))],
                digits=2,
                target=0.5 if part == "tls" else None,
            )
        )
    return found


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
            rows = _part(results, part)
            if unit == "MB":
                rows = {name: [{key: row[key] * MB} for row in some] for name, some in rows.items()}
            values = differences(rows, BARE.name, key)
            found.append(
                Metric(
                    section,
                    text.format(what=what, where=where),
                    unit,
                    entries(values, [BARE.name]),
                    target=target,
                )
            )
    return found


def _part(results: Rows, part: str) -> dict[str, list[Mapping[str, float]]]:
    return {name: [row[part] for row in rows] for name, rows in results.items()}
