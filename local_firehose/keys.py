"""Object keys: prefix expressions, their rules, and the fixed suffix.

The rules are those of the developer guide, "Custom prefixes for Amazon S3 objects"
(s3-prefixes.html) and "Amazon S3 object name format" (s3-object-name.html).
"""

from __future__ import annotations

import random
import re
import string
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

#: Longest evaluated prefix in characters (s3-prefixes.html, semantic rules).
MAX_EVALUATED_PREFIX = 512

#: Appended to a prefix that holds no timestamp expression (s3-prefixes.html).
DEFAULT_TIMESTAMP = "!{timestamp:yyyy/MM/dd/HH/}"

#: A day with the longest names of month and weekday, so that a prefix evaluated at it is as long as
#: it ever gets.
EXAMPLE_MOMENT = datetime(2025, 9, 24, 12, 30, 30, tzinfo=timezone.utc)

_EXPRESSION = re.compile(r"!\{([^}]*)\}")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _offset(moment: datetime, count: int, letter: str) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    if letter == "X" and minutes == 0:
        return "Z"
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    if letter == "Z":
        return f"{sign}{hours:02}{rest:02}"
    if count == 1:
        return f"{sign}{hours:02}" + (f"{rest:02}" if rest else "")
    return f"{sign}{hours:02}{':' if count == 3 else ''}{rest:02}"


def _field(letter: str, count: int, moment: datetime) -> str:
    """Evaluate one run of a pattern letter; letters as in java.time.format.DateTimeFormatter."""
    if letter in "yu":
        return f"{moment.year % 100:02}" if count == 2 else str(moment.year).zfill(count)
    if letter in "ML" and count >= 3:
        name = _MONTHS[moment.month - 1]
        return {3: name[:3], 4: name, 5: name[0]}[count]
    if letter == "E":
        name = _DAYS[moment.weekday()]
        return {4: name, 5: name[0]}.get(count, name[:3])
    if letter == "a":
        return "AM" if moment.hour < 12 else "PM"
    if letter == "S":
        return f"{moment.microsecond:06}000"[:count]
    if letter in "XxZ":
        return _offset(moment, count, letter)
    numbers = {
        "M": moment.month,
        "L": moment.month,
        "d": moment.day,
        "D": moment.timetuple().tm_yday,
        "H": moment.hour,
        "k": moment.hour or 24,
        "K": moment.hour % 12,
        "h": moment.hour % 12 or 12,
        "m": moment.minute,
        "s": moment.second,
        "Q": (moment.month + 2) // 3,
        "q": (moment.month + 2) // 3,
    }
    return str(numbers[letter]).zfill(count)


#: Pattern letters that can be evaluated, with the longest run Java takes for each.
_LETTERS = {
    **dict.fromkeys("yu", 19),
    **dict.fromkeys("MLE", 5),
    **dict.fromkeys("dHkKhms", 2),
    **dict.fromkeys("XxZ", 3),
    **dict.fromkeys("Qq", 2),
    "D": 3,
    "S": 9,
    "a": 1,
}
_LETTER_RUN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']|'", re.DOTALL)


def java_time(pattern: str, moment: datetime) -> str:
    """Format `moment` by a Java DateTimeFormatter pattern, English names.

    Raises:
        ValueError: a letter is unknown here, a run of it too long, or a quote left open.
    """
    out = []
    for match in _LETTER_RUN.finditer(pattern):
        text, quoted, letter = match.group(0), match.group(1), match.group(2)
        if letter is not None:
            if len(text) > _LETTERS.get(letter, 0):
                known = "".join(sorted(_LETTERS))
                raise ValueError(
                    f"!{{timestamp:{pattern}}}: {text!r} cannot be evaluated; letters known to the "
                    f"local Firehose are {known}; put literal text in single quotes"
                )
            out.append(_field(letter, len(text), moment))
        elif quoted is not None:
            out.append(quoted.replace("''", "'") or "'")
        elif text in "'[]{}#":
            raise ValueError(
                f"!{{timestamp:{pattern}}}: {text!r} is reserved; put literal text in single quotes"
            )
        else:
            out.append(text)
    return "".join(out)


@dataclass(frozen=True)
class Expression:
    """One `!{namespace:value}` of a prefix."""

    namespace: str
    value: str


def parse(prefix: str) -> list[str | Expression]:
    """Split a prefix into literal text and expressions.

    Raises:
        ValueError: `!{` is not the start of a known expression.
    """
    parts: list[str | Expression] = []
    position = 0
    for match in _EXPRESSION.finditer(prefix):
        parts.append(prefix[position : match.start()])
        namespace, _, value = match.group(1).partition(":")
        if namespace == "timestamp":
            known = value != ""
        else:
            known = namespace == "firehose" and value in ("error-output-type", "random-string")
        if not known:
            raise ValueError(
                f"prefix {prefix!r}: {match.group(0)!r} is not supported; allowed are "
                "!{timestamp:<pattern>}, !{firehose:random-string} and "
                "!{firehose:error-output-type}"
            )
        parts.append(Expression(namespace, value))
        position = match.end()
    parts.append(prefix[position:])
    for part in parts:
        if isinstance(part, str) and "!{" in part:
            raise ValueError(f"prefix {prefix!r}: '!{{' must begin a closed !{{namespace:value}}")
    return [part for part in parts if part != ""]


def check(prefix: str, error_prefix: str | None) -> None:
    """Apply the service's rules for a pair of prefixes.

    Raises:
        ValueError: a rule is broken; the text names it.
    """
    expressions = [part for part in parse(prefix) if isinstance(part, Expression)]
    if Expression("firehose", "error-output-type") in expressions:
        raise ValueError(
            f"prefix {prefix!r}: !{{firehose:error-output-type}} may stand in error_prefix only"
        )
    if expressions and not error_prefix:
        raise ValueError(
            f"prefix {prefix!r} contains expressions, so error_prefix is required, "
            "for example 'errors/!{firehose:error-output-type}/'"
        )
    error_parts = [part for part in parse(error_prefix or "") if isinstance(part, Expression)]
    if error_parts and Expression("firehose", "error-output-type") not in error_parts:
        raise ValueError(
            f"error_prefix {error_prefix!r} contains expressions, so it must contain "
            "!{firehose:error-output-type}"
        )
    for text in (prefix, error_prefix or ""):
        evaluate(text, EXAMPLE_MOMENT, error_type="format-conversion-failed")


def evaluate(
    prefix: str, moment: datetime, error_type: str = "", rng: random.Random | None = None
) -> str:
    """Return the prefix of an object whose oldest record arrived at `moment`.

    Args:
        prefix: the prefix as configured; gets the default timestamp when it has none.
        moment: arrival time of the oldest record, in the stream's time zone.
        error_type: value of `!{firehose:error-output-type}`.
        rng: source of `!{firehose:random-string}`, a new one for every instance of it.

    Raises:
        ValueError: the result is longer than 512 characters, or the prefix is malformed.
    """
    rng = rng or random.Random()
    parts = parse(prefix)
    dated = any(isinstance(part, Expression) and part.namespace == "timestamp" for part in parts)
    # An error prefix with its own expression is complete without a date (s3-prefixes.html, first
    # example).
    if not dated and Expression("firehose", "error-output-type") not in parts:
        parts += parse(DEFAULT_TIMESTAMP)
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif part.namespace == "timestamp":
            out.append(java_time(part.value, moment))
        elif part.value == "random-string":
            # 11 characters: s3-prefixes.html.
            out.append("".join(rng.choices(string.hexdigits[:16], k=11)))
        else:
            out.append(error_type)
    result = "".join(out)
    if len(result) > MAX_EVALUATED_PREFIX:
        raise ValueError(
            f"prefix {prefix!r} evaluates to {len(result)} characters; "
            f"at most {MAX_EVALUATED_PREFIX} are allowed"
        )
    return result


def object_key(
    prefix: str, stream: str, version: str, arrived: datetime, zone: tzinfo, extension: str
) -> str:
    """Return `<evaluated prefix><stream>-<version>-YYYY-MM-DD-HH-MM-SS-<uuid><extension>`.

    Args:
        prefix: the prefix as configured.
        stream: name of the delivery stream.
        version: its version, which grows with every change of its settings.
        arrived: arrival time of the oldest record in the object.
        zone: `CustomTimeZone` of the stream, UTC by default.
        extension: with its dot, or empty.
    """
    moment = arrived.astimezone(zone)
    stamp = moment.strftime("%Y-%m-%d-%H-%M-%S")
    return f"{evaluate(prefix, moment)}{stream}-{version}-{stamp}-{uuid.uuid4()}{extension}"
