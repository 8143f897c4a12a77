"""Lines for people: by invocation, coloured, one screen line where it can be one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import render
from firehose_logging._cli.levels import COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What a printer needs of a line.
COLUMNS = ("timestamp", "type", "level", "logger", "message", "record", "requestId", "functionName",
           "instanceId", "seq", "coldStart", "errorType", "errorMessage", "stackTrace",
           "location")  # fmt: skip


class Printer:
    """Prints lines, with a heading wherever another invocation begins.

    Args:
        indent: in front of each line.
    """

    def __init__(self, indent: str = "") -> None:
        self._console = render.console(wide=True)
        self._indent = indent
        self._current: object = self

    def show(self, lines: Sequence[dict[str, Any]]) -> None:
        """Print lines that came together: grouped by invocation, in the order of their first."""
        groups: dict[Any, list[dict[str, Any]]] = {}
        for line in lines:
            groups.setdefault(line.get("requestId"), []).append(line)
        for request, group in groups.items():
            if request != self._current:
                self._current = request
                self._heading(request, group)
            for line in sorted(group, key=lambda each: (str(each["timestamp"]), each["seq"] or 0)):
                self._line(line)

    def _heading(self, request: str | None, group: Iterable[dict[str, Any]]) -> None:
        from rich.text import Text

        functions = {line["functionName"] for line in group if line.get("functionName")}
        text = Text(f"\n{self._indent}")
        text.append(request or "outside of any invocation", "bold")
        if functions:
            text.append(f"  {', '.join(sorted(functions))}", "cyan")
        if any(line.get("coldStart") for line in group):
            text.append("  cold start", "magenta")
        self._console.print(text, soft_wrap=True)

    def _line(self, line: dict[str, Any]) -> None:
        from rich.text import Text

        level = line.get("level") or ""
        text = Text(self._indent + "  ")
        text.append(clock(line["timestamp"]) + " ", "dim")
        text.append(f"{level:<8} ", COLOURS.get(level, ""))
        platform = str(line.get("type") or "").startswith("platform.")
        source = line["type"] if platform else line.get("logger") or ""
        text.append(f"{source} ", "blue")
        said = event(line.get("record")) if platform else line.get("message")
        text.append(self._folded(str(said or "")))
        if line.get("stackTrace"):
            for frame in line["stackTrace"]:
                text.append(self._folded("\n" + frame.strip("\n")), "dim")
            text.append(self._folded(f"\n{line.get('errorType')}"), "red")
            why = str(line.get("errorMessage") or "")
            if why and why not in str(said or ""):
                text.append(self._folded(f": {why}"), "red")
            if line.get("location"):
                text.append(f" at {line['location']}", "dim")
        self._console.print(text, soft_wrap=True)

    def _folded(self, text: str) -> str:
        """Text of several lines, all but the first below the message."""
        return visible(text).replace("\n", f"\n{self._indent}      ")


def clock(moment: Any) -> str:
    """Time of day to the millisecond."""
    text = render.plain(moment) if moment is not None else ""
    return str(text)[11:23] if text else " " * 12


def visible(text: str) -> str:
    """Text whose control characters cannot move the reader's cursor."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


def event(record: Any) -> str:
    """The part of a platform event that people look for."""
    if isinstance(record, str):
        try:
            record = json.loads(record)
        except ValueError:
            return str(record)
    if not isinstance(record, dict):
        return str(record)
    parts = [str(record[key]) for key in ("status", "name", "state", "phase") if key in record]
    for key, value in (record.get("metrics") or {}).items():
        if isinstance(value, int | float):
            parts.append(f"{key} {value:g}")
    return ", ".join(parts) or json.dumps(record)
