"""Readers of settings: text in, value out; a ValueError says what is allowed. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LEVELS = {
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "WARN": 30,
    "WARNING": 30,
    "ERROR": 40,
    "FATAL": 50,
    "CRITICAL": 50,
}
_LEVEL_ALLOWED = "TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL, or a number from 0 to 100"

#: Most delivery streams among which environments are spread.
MAX_STREAMS = 10
_STREAM_NAME_LETTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
)

#: Fields that the platform knows the value of.
PLATFORM_FIELDS = ("accountId", "region", "functionArn", "memorySize", "logStream")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from ``low`` to ``high``."""

    def read(text: str) -> int:
        allowed = f"a whole number from {low} to {high}"
        try:
            number = int(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not low <= number <= high:
            raise ValueError(allowed)
        return number

    return read


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A reader of seconds from ``low`` to ``high``."""

    def read(text: str) -> float:
        allowed = f"a number of seconds from {low:g} to {high:g}"
        try:
            number = float(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not low <= number <= high:
            raise ValueError(allowed)
        return number

    return read


def one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    """A reader of one word of ``allowed``, in any case."""

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return word

    return read


def some_of(allowed: tuple[str, ...], *, on: bool = False) -> Callable[[str], tuple[str, ...]]:
    """A reader of a comma list of ``allowed``, in their order; ``off`` is none of them.

    Args:
        allowed: the words.
        on: whether ``on`` may stand alone, for more than any list of them.
    """

    def read(text: str) -> tuple[str, ...]:
        words = [word.strip().lower() for word in text.split(",") if word.strip()]
        if words in ([], ["off"]):
            return ()
        if on and words == ["on"]:
            return ("on",)
        if not set(words) <= set(allowed):
            alone = "on, off, or " if on else ""
            off = "" if on else "; or off"
            raise ValueError(f"{alone}a comma list of {', '.join(allowed)}{off}")
        return tuple(word for word in allowed if word in words)

    return read


def on_off(text: str) -> bool:
    """Read ``on`` or ``off``."""
    word = text.strip().lower()
    if word not in ("on", "off"):
        raise ValueError("on or off")
    return word == "on"


def journal(text: str) -> bool | str:
    """Read ``on``, ``off``, or the place of the journal."""
    if text.strip().startswith("/"):
        return text.strip()
    try:
        return on_off(text)
    except ValueError:
        raise ValueError("on, off, or the absolute path of a folder") from None


def level(text: str) -> int:
    """Read the name or the number of a level."""
    word = text.strip().upper()
    if word in _LEVELS:
        return _LEVELS[word]
    try:
        return whole(0, 100)(word)
    except ValueError:
        raise ValueError(_LEVEL_ALLOWED) from None


def lambda_level(text: str) -> int:
    """The level that Lambda's own variable names; 0 for what Lambda itself would not take."""
    return _LEVELS.get(text.strip().upper(), 0)


def stream_names(text: str) -> tuple[str, ...]:
    """Read the name of a delivery stream, or a comma list of names."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if not 1 <= len(name) <= 64 or not _STREAM_NAME_LETTERS.issuperset(name):
            raise ValueError("1 to 64 letters, digits, '_', '.' or '-' (the name, not the ARN)")
    if len(names) > MAX_STREAMS:
        raise ValueError(f"at most {MAX_STREAMS} names of delivery streams")
    return names


class Pairs:
    """A reader of a comma list of ``name=value``; in code a dict or pairs will do.

    Args:
        read: makes one pair of a name and a value (None where there was no ``=``), or None to
            leave it out; a ValueError says what is allowed.
        fold: whether names that differ in case only are one.
    """

    def __init__(
        self, read: Callable[[str, str | None], tuple[str, object] | None], *, fold: bool
    ) -> None:
        self._read = read
        self._fold = fold

    def __call__(self, text: str) -> tuple[tuple[str, object], ...]:
        """The pairs of a variable's text."""
        if text.strip().lower() == "off":
            return ()
        items = [item.partition("=") for item in text.split(",") if item.strip()]
        return self.of((name, value if equals else None) for name, equals, value in items)

    def of(self, pairs: Iterable[object]) -> tuple[tuple[str, object], ...]:
        """The pairs of names and values; a name alone has no value."""
        found = []
        for pair in pairs:
            if isinstance(pair, str):
                name, value = pair, None
            elif isinstance(pair, (tuple, list)) and len(pair) == 2:
                name, value = pair
            else:
                raise ValueError("pairs of a name and a value")
            kept = self._read(str(name).strip(), None if value is None else str(value).strip())
            if kept is not None:
                found.append(kept)
        names = [name.lower() if self._fold else name for name, _ in found]
        if len(set(names)) < len(names):
            raise ValueError("each name once")
        return tuple(found)


def _logger_level(name: str, value: str | None) -> tuple[str, object]:
    try:
        if not name or value is None:
            raise ValueError
        return name, level(value)
    except ValueError:
        raise ValueError(f"a comma list of logger=level, each level {_LEVEL_ALLOWED}") from None


#: Reads ``botocore=WARNING,shop.db=DEBUG``.
levels = Pairs(_logger_level, fold=False)


def fields(taken: frozenset[str]) -> Pairs:
    """A reader of ``service=shop,env=prod,region``.

    Args:
        taken: names in lower case that a line's own columns have.
    """
    allowed = (
        "a comma list of name=value, with no name of a line's own columns; "
        f"without a value {', '.join(PLATFORM_FIELDS)}"
    )

    def read(name: str, value: str | None) -> tuple[str, object] | None:
        if not name or name.lower() in taken or (value is None and name not in PLATFORM_FIELDS):
            raise ValueError(allowed)
        return None if value == "" else (name, value)  # a column without a value is left out

    return Pairs(read, fold=True)
