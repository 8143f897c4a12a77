"""One line of the log stream: a JSON object without its end, to which ``seq`` is added last.

The parts are put together as text because that is a third of the time of a dict and ``dumps``;
every value still passes the JSON encoder. Names follow Lambda's own JSON log format. Pure.
"""

from __future__ import annotations

import time

from firehose_logging._limits import MAX_RECORD_BYTES
from firehose_logging._line.json_text import quote, to_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Longest ``type``, ``logger`` and ``level``, in characters: each part of a split line has them.
_MAX_NAME = 512

#: Room for ``,"seq":`` and a number, ``}`` and the newline.
_SEQ_ROOM = 40

#: A body of so many characters is a legal record whatever they are: UTF-8 takes 4 bytes at most.
SURELY_FITS = (MAX_RECORD_BYTES - _SEQ_ROOM) // 4

#: The last whole second that was formatted, and how a line of it begins: one tuple, so that threads
#: agree.
second: tuple[float, str] = (-1.0, "")
_BEGIN = '{"timestamp":"'

#: Formatted level and logger of function lines, by logger and by the level's number, or its name
#: where the number is not one of logging's own. A program has few, and quoting them each time
#: would take a tenth of a log call.
names: dict[str, dict[int | str, str]] = {}
MAX_LOGGERS = 1_000
MAX_LEVELS = 20


def timestamp(epoch: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC with microseconds."""
    begun, text = second
    fraction = epoch - begun
    if not 0.0 <= fraction < 1.0:
        begun, text = in_second(epoch)
        fraction = epoch - begun
    return "%s%06dZ" % (text[len(_BEGIN) :], fraction * 1_000_000.0)  # noqa: UP031 - as below


def in_second(epoch: float) -> tuple[float, str]:
    """``second``, of this time."""
    global second
    begun = epoch // 1.0
    found = (begun, time.strftime(f"{_BEGIN}%Y-%m-%dT%H:%M:%S.", time.gmtime(begun)))
    second = found
    return found


#: Names of logging's own levels, whatever somebody calls them for a terminal.
LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


def level_name(number: int, name: str) -> str:
    """The ``level`` column: logging's own name of the number, else ``name`` without colours."""
    if number in LEVELS:
        return LEVELS[number]
    return without_colours(name)


def without_colours(text: str) -> str:
    """``text`` without the escape sequences that terminals understand."""
    head, *rest = text.split("\x1b[")
    # A sequence ends with its first letter: "33m", "1;31m".
    kept = [part.lstrip("0123456789;?")[1:] for part in rest]
    return "".join((head, *kept)).strip() or text


def function_start(epoch: float, number: int, level: str, logger: str, columns: str = "") -> str:
    """``start`` for a line of the function, and its columns; the one that is timed."""
    begun, text = second  # as ``timestamp``, without the call
    fraction = epoch - begun
    if not 0.0 <= fraction < 1.0:
        begun, text = in_second(epoch)
        fraction = epoch - begun
    by_level = names.get(logger)
    named = None if by_level is None else by_level.get(number if number in LEVELS else level)
    if named is None:
        named = _named(number, level, logger)
    return f"{text}{'%06d' % (fraction * 1_000_000.0)}{named}{columns}"  # noqa: UP031 - an int takes longer


def _named(number: int, level: str, logger: str) -> str:
    """Level and logger as members, learnt."""
    named = (
        f'Z","type":"function","level":{quote(level_name(number, level)[:_MAX_NAME])}'
        f',"logger":{quote(logger[:_MAX_NAME])}'
    )
    if logger not in names and len(names) < MAX_LOGGERS:
        names[logger] = {}
    by_level = names.get(logger, {})
    if len(by_level) < MAX_LEVELS:
        by_level[number if number in LEVELS else level] = named
    return named


def named_start(epoch: float, level: str, logger: str, columns: str) -> str:
    """The same for a line of the function that is no record, now; timed, too."""
    return function_start(epoch, -1, level, logger, columns)


def start(when: str, kind: str, level: str, logger: str) -> str:
    """The first members of a line; ``kind`` is the ``type`` column."""
    return (
        f'{{"timestamp":"{when}","type":{quote(kind[:_MAX_NAME])}'
        f',"level":{quote(level[:_MAX_NAME])},"logger":{quote(logger[:_MAX_NAME])}'
    )


def finish(body: str, seq: int) -> bytes:
    """The line as it is sent: numbered, closed, newline at the end."""
    line = f'{body},"seq":{seq}}}\n'
    try:
        return line.encode()
    except UnicodeEncodeError:
        return to_bytes(line)


def fits(body: str) -> bool:
    """Whether the finished line is a legal Firehose record."""
    if len(body) <= SURELY_FITS:
        return True
    return len(to_bytes(body)) + _SEQ_ROOM <= MAX_RECORD_BYTES


def split(head: str, message: str, tail: str) -> list[str]:
    """Bodies of numbered parts of a line that is too long.

    Args:
        head: the members that say where the line comes from; on every part.
        message: the text that is cut, between characters.
        tail: all other members; on the first part. When they alone are too long, the whole line's
            JSON text is cut instead, into ``fragment`` columns that joined give the line again.
    """
    if not fits(f"{head}{tail}"):
        return fragments(head, f'{head},"message":{quote(message)}{tail}}}')
    return _split_text(head, message, "message", tail)


def fragments(head: str, text: str) -> list[str]:
    """Bodies of numbered parts that hold a whole line's JSON text, cut."""
    return _split_text(head, text, "fragment", "")


def _split_text(head: str, text: str, column: str, tail: str) -> list[str]:
    room = MAX_RECORD_BYTES - _SEQ_ROOM - 60 - len(to_bytes(head)) - len(to_bytes(tail))
    # A tail that leaves little room would make a line of very many parts: give it one of its own.
    lead = ""
    if room < MAX_RECORD_BYTES // 4:
        lead, tail = tail, ""
        room = MAX_RECORD_BYTES - _SEQ_ROOM - 60 - len(to_bytes(head))
    pieces = list(_pieces(text, room))
    if lead:
        pieces.insert(0, "")
    bodies = []
    for number, piece in enumerate(pieces, 1):
        first = (lead or tail) if number == 1 else ""
        bodies.append(
            f'{head},"{column}":{quote(piece)},"part":{number},"parts":{len(pieces)}{first}'
        )
    return bodies


def _pieces(text: str, room: int) -> Iterable[str]:
    """``text`` cut so that each piece, quoted and encoded, takes at most ``room`` bytes.

    Raises:
        ValueError: there is no room even for single characters.
    """
    if room < 6:
        raise ValueError("what every part repeats leaves no room for the text")
    at = 0
    while at < len(text):
        # A character takes 1 to 6 bytes; halve the guess until the piece fits.
        size = min(room, len(text) - at)
        while len(to_bytes(quote(text[at : at + size]))) > room:
            size //= 2
        yield text[at : at + size]
        at += size
