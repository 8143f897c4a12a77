"""What the report shows, as plain lists: columns side by side, texts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firehose_logging._cli import story

if TYPE_CHECKING:
    from firehose_logging._cli.lake import Lake

#: Characters of a message, and of a stack trace, that the page carries.
TEXT = 2000
STACK = 8000
LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_INVOCATIONS = """
SELECT requestId, functionName, instanceId, epoch_ms(CAST(startedAt AS TIMESTAMP)), durationMs,
    initMs, holdMs, status, maxMemoryMb, lines, errorType, coldStart, cost
FROM invocations WHERE startedAt IS NOT NULL ORDER BY startedAt DESC LIMIT {most}
"""
_INSTANCES = (
    "SELECT instanceId, epoch_ms(min(timestamp)), epoch_ms(max(timestamp)) FROM logs GROUP BY 1"
)
_LINES = """
SELECT epoch_us(timestamp), level, requestId,
    CASE WHEN type LIKE 'platform.%' THEN type ELSE logger END,
    left(coalesce(message, record, fragment, ''), {text}),
    left(array_to_string(stackTrace, chr(10)), {stack}), errorType
FROM logs WHERE timestamp IS NOT NULL ORDER BY timestamp DESC, seq DESC LIMIT {most}
"""
_ERRORS = """
SELECT errorType, left(any_value(errorMessage), 500), any_value(kind), location,
    left(any_value(stackTrace), {stack}), list(requestId)
FROM errors GROUP BY errorType, location, CASE WHEN errorType IS NULL THEN message END
ORDER BY count(*) DESC LIMIT 200
"""
_MESSAGES = r"""
SELECT count(*), level, logger,
    left(regexp_replace(
        message, '[0-9a-f]{8}-[0-9a-f-]{27}|0x[0-9a-f]+|\d+(\.\d+)?', '#', 'g'), 300)
FROM logs WHERE type = 'function' AND message IS NOT NULL
GROUP BY 2, 3, 4 ORDER BY 1 DESC, 4 LIMIT 20
"""


class Texts:
    """Texts by number, each once."""

    def __init__(self, known: list[str] | None = None) -> None:
        self.all = list(known or [])
        self._numbers = {text: number for number, text in enumerate(self.all)}

    def number(self, text: str | None) -> int:
        """The text's number; a new one for a new text."""
        text = text or ""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.all)
            self.all.append(text)
        return number


def collect(lake: Lake, lines: int, invocations: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is drawn at once, and the lines that are unpacked later.

    Args:
        lake: the lines.
        lines: how many at most, the newest.
        invocations: how many at most, the newest.
    """
    total, first, last = lake.run(
        "SELECT count(*), epoch_ms(min(timestamp)), epoch_ms(max(timestamp)) FROM logs"
    )[1][0]
    start, end = first or 0, last or 0
    numbers: dict[str, int] = {}
    summary: dict[str, Any] = {"lines": total, "start": start, "length": max(end - start, 1)}
    summary |= _invocations(lake, invocations, start, numbers)
    summary["errors"] = _errors(lake, numbers)
    columns = ("count", "level", "logger", "message")
    summary["messages"] = [dict(zip(columns, row, strict=True)) for row in lake.run(_MESSAGES)[1]]
    levels, loggers = Texts(LEVELS), Texts()
    packed = _lines(lake, lines, start, numbers, levels, loggers)
    summary |= {"levels": levels.all, "loggers": loggers.all, "notes": []}
    if total > len(packed["time"]):
        summary["notes"].append(
            f"The newest {len(packed['time']):,} of {total:,} lines are in this page; numbers of "
            "invocations and errors are of all. Narrow --since, or give --lines."
        )
    if len(numbers) >= invocations:
        summary["notes"].append(f"Only the newest {invocations:,} invocations are shown.")
    return summary, packed


def _invocations(lake: Lake, most: int, start: int, numbers: dict[str, int]) -> dict[str, Any]:
    functions, statuses, errors, instances = Texts(), Texts(), Texts(), Texts()
    names = ("id", "fn", "instance", "start", "ms", "init", "hold", "status", "memory", "lines",
             "error", "cold", "cost")  # fmt: skip
    found: dict[str, list[Any]] = {name: [] for name in names}
    for row in reversed(lake.run(_INVOCATIONS.format(most=most))[1]):
        numbers[row[0]] = len(numbers)
        made = (
            row[0], functions.number(row[1]), instances.number(row[2]), row[3] - start,
            _short(row[4]), _short(row[5]), _short(row[6]), statuses.number(row[7]), row[8], row[9],
            errors.number(row[10]) if row[10] else -1, int(bool(row[11])), row[12],
        )  # fmt: skip
        for name, value in zip(names, made, strict=True):
            found[name].append(value)
    times = {row[0]: row[1:] for row in lake.run(_INSTANCES)[1]}
    drawn = []
    for name in instances.all:
        first, last = times.get(name, (None, None))
        drawn.append(
            {"id": name, "first": (first or start) - start, "last": (last or start) - start}
        )
    return {
        "invocations": found,
        "functions": functions.all,
        "statuses": statuses.all,
        "errorTypes": errors.all,
        "instances": drawn,
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _errors(lake: Lake, numbers: dict[str, int]) -> list[dict[str, Any]]:
    found = []
    for kind, message, how, location, stack, requests in lake.run(_ERRORS.format(stack=STACK))[1]:
        found.append(
            {
                "type": kind,
                "message": message,
                "kind": how,
                "location": location,
                "stack": stack,
                "invocations": [numbers.get(each, -1) for each in requests],
            }
        )
    return found


def _lines(
    lake: Lake, most: int, start: int, numbers: dict[str, int], levels: Texts, loggers: Texts
) -> dict[str, Any]:
    texts = Texts()
    names = ("time", "level", "invocation", "logger", "text")
    packed: dict[str, Any] = {name: [] for name in names}
    stacks: dict[int, str] = {}
    rows = lake.run(_LINES.format(text=TEXT, stack=STACK, most=most))[1]
    for at, level, request, logger, text, stack, error in reversed(rows):
        if stack:
            stacks[len(packed["time"])] = f"{stack}\n{error or ''}".strip("\n")
        packed["time"].append(round(at / 1000 - start, 3))
        packed["level"].append(levels.number(level))
        packed["invocation"].append(numbers.get(request, -1) if request else -1)
        packed["logger"].append(loggers.number(logger))
        platform = logger is not None and logger.startswith("platform.")
        packed["text"].append(texts.number(story.event(text) if platform else text))
    return {**packed, "texts": texts.all, "stacks": stacks}
