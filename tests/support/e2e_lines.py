"""What was said, what was delivered, and a readable difference of the two."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

_WARNING = re.compile(r"\w*Warning: [^\n]*")


class Said(NamedTuple):
    """A line by what its author knows of it.

    ``during`` is the number of the invocation, counted from 1 over the whole run; 0 before any.
    """

    during: int
    level: str
    logger: str
    message: str


def said_by(steps: Iterable[Sequence[Any]], during: int) -> list[Said]:
    """The lines that the steps of the ``scripted`` function say in one invocation."""
    lines = []
    for name, *arguments in steps:
        if name == "log":
            lines.append(Said(during, arguments[0], "user", _text(arguments[1])))
        elif name == "logs":
            level, count = arguments
            lines += [Said(during, level, "user", f"line {n}") for n in range(count)]
        elif name == "caught":
            lines.append(Said(during, "ERROR", "user", arguments[0]))
        elif name in ("print", "write"):
            lines.append(Said(during, "INFO", "stdout", arguments[0].rstrip("\n")))
        elif name == "stderr":
            lines.append(Said(during, "INFO", "stderr", arguments[0]))
        elif name == "warn":
            lines.append(Said(during, "WARNING", "py.warnings", f"UserWarning: {arguments[0]}"))
        elif name == "raise":
            kind, message = arguments
            lines.append(Said(during, "ERROR", "awslambdaric", f"{kind}: {message}"))
    return lines


def _of_the_client(line: dict[str, Any]) -> bool:
    """What the runtime client says of a Python that Lambda offers as a preview."""
    return str(line.get("message")).startswith("LAMBDA_WARNING: This is a preview runtime version")


def said_in(lines: Iterable[dict[str, Any]], kind: str = "function") -> list[Said]:
    """The delivered lines of one ``type``; invocations are numbered as they first appear."""
    numbers: dict[str, int] = {}
    found = []
    for line in lines:
        if line["type"] != kind or _of_the_client(line):
            continue
        request_id = line.get("requestId")
        during = numbers.setdefault(request_id, len(numbers) + 1) if request_id else 0
        message = _text(line.get("message"))
        if line["logger"] == "py.warnings":
            shown = _WARNING.search(message)
            message = shown[0] if shown else message
        found.append(Said(during, line["level"], line["logger"], message))
    return found


def assert_same(expected: Iterable[Said], delivered: Iterable[Said]) -> None:
    """Each expected line was delivered exactly once, and nothing else was."""
    wanted, got = Counter(expected), Counter(delivered)
    if wanted == got:
        return
    report = [f"{sum(wanted.values())} lines expected, {sum(got.values())} delivered"]
    for line in sorted(wanted.keys() | got.keys()):
        if wanted[line] != got[line]:
            word = "missing" if got[line] < wanted[line] else "too many"
            report.append(f"  {word}: {got[line]} of {wanted[line]} {tuple(line)}")
    raise AssertionError("\n".join(report))


def assert_whole(lines: Iterable[dict[str, Any]]) -> None:
    """Every instance's ``seq`` runs 1, 2, 3 ... without gap or repeat, and nothing was lost."""
    instances: dict[str, list[int]] = {}
    for line in lines:
        instances.setdefault(line["instanceId"], []).append(line["seq"])
        assert "lost" not in line, f"a loss was told: {line}"
    for instance, numbers in instances.items():
        missing = set(range(1, max(numbers) + 1)) - set(numbers)
        repeated = [number for number, times in Counter(numbers).items() if times > 1]
        assert not missing, f"instance {instance}: seq {sorted(missing)} never arrived"
        assert not repeated, f"instance {instance}: seq {sorted(repeated)} arrived more than once"


def platform(lines: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The platform's lines of one type, ``start`` for ``platform.start``."""
    return [line for line in lines if line["type"] == f"platform.{kind}"]


def _text(message: Any) -> str:
    return message if isinstance(message, str) else json.dumps(message, sort_keys=True)
