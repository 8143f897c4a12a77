"""What happened in an environment, when, for people to read."""

from __future__ import annotations

import html
import os
import shutil
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COLOURS = {
    "platform": "\x1b[36m",
    "caller": "\x1b[35m",
    "runtime": "\x1b[32m",
    "output": "\x1b[37m",
    "telemetry": "\x1b[34m",
    "extension": "\x1b[33m",
}
BAD_WORDS = ("SIGKILL", "timed out", "crash", "failed", "error", "not delivered", "dropped")
RED, DIM, RESET = "\x1b[31m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True)
class TimelineEvent:
    """One thing that happened.

    `at` is seconds since the environment was made; `source` is platform, caller, runtime, output,
    telemetry or `extension:<name>`; `what` a few words, `detail` the rest.
    """

    at: float
    source: str
    what: str
    detail: str = ""


class Timeline:
    """Events in the order they happened; safe from any thread."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._events: list[TimelineEvent] = []

    def add(self, source: str, what: str, detail: str = "") -> None:
        """Note something that happens now."""
        with self._lock:
            at = time.monotonic() - self._started
            self._events.append(TimelineEvent(at, source, what, detail))

    @property
    def events(self) -> list[TimelineEvent]:
        """All events so far."""
        with self._lock:
            return list(self._events)


def wants_colour(stream: TextIO) -> bool:
    """Tell whether to colour: a terminal, and neither NO_COLOR nor TERM=dumb."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def format_timeline(
    events: Iterable[TimelineEvent], *, colour: bool = False, width: int = 110
) -> list[str]:
    """Return one line for each event: seconds, pause since the last one, who, what.

    Long details are cut to `width` characters.
    """
    lines = []
    last: float | None = None
    for event in events:
        gap = "" if last is None or event.at - last < 0.001 else f"+{(event.at - last) * 1000:.0f}"
        last = event.at
        head = f"{event.at:9.3f} s {gap:>6} "
        detail = " ".join(event.detail.split())
        room = max(20, width - len(head) - 46)
        if len(detail) > room:
            detail = detail[: room - 1] + "…"
        who = f"{event.source:<20.20} "
        what = f"{event.what:<24}"
        if colour:
            tone = COLOURS.get(event.source.partition(":")[0], "")
            if any(word in event.what for word in BAD_WORDS):
                tone = RED
            lines.append(f"{DIM}{head}{RESET}{tone}{who}{what}{RESET} {detail}".rstrip())
        else:
            lines.append(f"{head}{who}{what} {detail}".rstrip())
    return lines


def print_timeline(events: Iterable[TimelineEvent], stream: TextIO | None = None) -> None:
    """Print a timeline, coloured where the terminal allows."""
    stream = stream or sys.stdout
    width = max(110, shutil.get_terminal_size((110, 24)).columns)
    for line in format_timeline(events, colour=wants_colour(stream), width=width):
        print(line, file=stream)


_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Timeline</title><style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ padding: 1px 10px 1px 0; text-align: left; vertical-align: top; white-space: nowrap; }}
td:last-child {{ white-space: pre-wrap; font-family: ui-monospace, monospace; }}
td:nth-child(-n+2) {{ text-align: right; font-variant-numeric: tabular-nums; color: #666; }}
tr.pause td {{ border-top: 1px solid #ccc; padding-top: 6px; }}
.bad {{ color: #b00020; font-weight: 600; }}
{colours}
</style></head><body><h1>Timeline</h1><table>
<tr><th>seconds</th><th>pause, ms</th><th>who</th><th>what</th><th>detail</th></tr>
{rows}
</table></body></html>
"""
#: The same tones as on a terminal, dark enough for a white page.
PAGE_COLOURS = {
    "platform": "#00717a",
    "caller": "#8e24aa",
    "runtime": "#2e7d32",
    "output": "#333333",
    "telemetry": "#1a4fb4",
    "extension": "#8a6100",
}
#: A pause of so many seconds is marked.
PAUSE_SECONDS = 0.1


def write_html(events: Iterable[TimelineEvent], path: Path) -> None:
    """Write a timeline as a page of its own; raise `OSError`."""
    rows = []
    last = 0.0
    for event in events:
        pause = event.at - last
        last = event.at
        kind = event.source.partition(":")[0]
        bad = " bad" if any(word in event.what for word in BAD_WORDS) else ""
        cells = [f"{event.at:.3f}", f"{pause * 1000:.0f}" if pause >= 0.001 else ""]
        cells += [event.source, event.what, event.detail]
        columns = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        mark = "pause " if pause >= PAUSE_SECONDS else ""
        rows.append(f'<tr class="{mark}{kind}{bad}">{columns}</tr>')
    colours = "\n".join(f".{kind} {{ color: {c}; }}" for kind, c in PAGE_COLOURS.items())
    path.write_text(_PAGE.format(rows="\n".join(rows), colours=colours), encoding="utf-8")
