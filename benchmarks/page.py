"""Puts what was measured into docs/benchmarks.md; the prose there is written by hand.

All of it is made from stored results. The README's two pictures, and what docs/flush.md has of
the bill, are made with it, so that they are of the same run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks import cost, flush_simulation, plots, saving, tables
from benchmarks.candidates import BARE, HERE, ROOT
from benchmarks.flush_simulation import Row
from benchmarks.hot_path import CAPTURED
from benchmarks.metrics import all_metrics, of_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.metric import Metric

PAGE = ROOT / "docs" / "benchmarks.md"
CALLS = HERE / "results" / "calls.json"


def write(results: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Plots, every part of the page, and what is of the same run on other pages."""
    say("plots")
    sections = results["sections"]
    plots.draw(all_metrics(results), results, say)
    flush_simulation.draw([Row(**row) for row in sections["flush policies"]])
    PAGE.write_text(text_of(results, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    flush_simulation.put(cost.reports(sections["billed"], sections["month"]))
    saving.write()
    say(f"written: {PAGE.relative_to(ROOT)}")


def text_of(results: Mapping[str, Any], text: str) -> str:
    """The page with every generated part anew.

    Args:
        results: stored ones.
        text: the page as it is.
    """
    for name, part in parts(results, stored_calls()).items():
        text = replaced(text, name, part)
    return text


def stored_calls() -> dict[str, Any] | None:
    """What ``python -m benchmarks.calls --write`` has stored; None where it has not."""
    if not CALLS.exists():
        return None
    found: dict[str, Any] = json.loads(CALLS.read_text(encoding="utf-8"))
    return found


def replaced(text: str, name: str, part: str) -> str:
    """The page with one part anew.

    Raises:
        ValueError: there is no place for it.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, found_begin, rest = text.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"{PAGE.name}: no part between {begin} and {end}")
    return f"{head}{begin}\n\n{part}\n\n{end}{tail}"


def parts(results: Mapping[str, Any], calls: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Every generated part by its name.

    Args:
        results: stored ones.
        calls: what ``benchmarks.calls`` has stored; None without.
    """
    metrics = [*all_metrics(results), *(of_calls(calls) if calls else ())]
    sections = results["sections"]
    throughput = sections["throughput"]

    def of(section: str) -> str:
        chosen = [metric for metric in metrics if metric.section == section]
        return tables.markdown(tables.rows(chosen, results["versions"]))

    return {
        "machine": _machine(results),
        "targets": f"{tables.targets(metrics)}\n\n{missed(metrics)}",
        "cold start": tables.cold_starts(metrics, sections["cold start"], results["versions"]),
        "quickest": tables.quickest(sections["cold start"], BARE.name),
        "first delivery": of("First delivery"),
        "log call": "\n\n".join(
            f"{number} thread{'' if number == '1' else 's'}:\n\n{tables.log_calls(loggers)}"
            for number, loggers in sections["log call"].items()
            if number != CAPTURED
        ),
        "log call ratios": of("Log call"),
        "throughput": tables.sizes(throughput["sizes"]),
        "senders": f"{of('Throughput')}\n\n{tables.billing(throughput['senders'])}",
        "invocations": of("Invocations"),
        "shutdown": of("Shutdown"),
        "billed": of("Cost"),
        "cost": cost.report(sections["billed"], sections["month"]).strip(),
        "flush policies": flush_simulation.report(
            [Row(**row) for row in sections["flush policies"]]
        ).strip(),
    }


def missed(metrics: list[Metric]) -> str:
    """In words, which targets were not reached, or perhaps not."""
    found = []
    for verdict, words in (("no", "Not reached in this run"), ("unsure", "Not sure in this run")):
        names = [f"{m.name} ({tables.value(m, m.ours)})" for m in metrics if m.reached == verdict]
        if names:
            found.append(f"{words}: {'; '.join(names)}.")
    return "\n\n".join(found) or "All were reached in this run."


def _machine(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    runtime = ", ".join(f"{name} {version}" for name, version in results["runtime"].items())
    return (
        f"Measured on {results['day']}: {machine['cores']} cores of {machine['processor']}, "
        f"{machine['system']}, Python {machine['python']}, {runtime}; "
        f"{results['seconds'] / 60:.0f} minutes."
    )
