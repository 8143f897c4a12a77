"""One line of the log stream: a JSON object without its end, to which ``seq`` is added last.

The parts are put together as text because that is a third of the time of a dict and ``dumps``;
every value still passes the JSON encoder. Names follow Lambda's own JSON log format. Pure.
"""

from __future__ import annotations

import time

from firehose_logging._json import dumps, quote, to_bytes
from firehose_logging._limits import MAX_RECORD_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: The column names that a user's ``extra`` cannot take; such keys go under ``extra``.
COLUMNS = frozenset(
    {
        "coldStart",
        "errorMessage",
        "errorType",
        "extra",
        "fragment",
        "functionName",
        "functionVersion",
        "instanceId",
        "level",
        "location",
        "logger",
        "message",
        "part",
        "parts",
        "record",
        "requestId",
        "seq",
        "stackTrace",
        "tenantId",
        "timestamp",
        "traceId",
        "type",
    }
)

#: Longest ``logger`` and ``level``, in characters: every part of a split line repeats them.
_MAX_NAME = 512

#: Room for ``,"seq":`` and a number, ``}`` and the newline.
_SEQ_ROOM = 40

# The last whole second that was formatted, and its text: one tuple, so that threads agree.
_second: tuple[int, str] = (-1, "")


def timestamp(epoch: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC with microseconds."""
    global _second
    whole = int(epoch // 1)
    micros = int((epoch - whole) * 1_000_000)
    second, text = _second
    if second != whole:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
        _second = (whole, text)
    return f"{text}.{micros:06d}Z"


def start(when: str, kind: str, level: str, logger: str) -> str:
    """The first members of a line; ``kind`` is the ``type`` column."""
    return (
        f'{{"timestamp":"{when}","type":{quote(kind)}'
        f',"level":{quote(level[:_MAX_NAME])},"logger":{quote(logger[:_MAX_NAME])}'
    )


def extras(items: Iterable[tuple[str, object]]) -> str:
    """A user's own members, with a leading comma; what collides goes under ``extra``."""
    members = []
    collided = {}
    for key, value in items:
        name = key if type(key) is str else f"{key}"
        if name in COLUMNS:
            collided[name] = value
        else:
            members.append(f",{quote(name)}:{dumps(value)}")
    if collided:
        members.append(f',"extra":{dumps(collided)}')
    return "".join(members)


def finish(body: str, seq: int) -> bytes:
    """The line as it is sent: numbered, closed, newline at the end."""
    return to_bytes(f'{body},"seq":{seq}}}\n')


def fits(body: str) -> bool:
    """Whether the finished line is a legal Firehose record."""
    if len(body) * 4 + _SEQ_ROOM <= MAX_RECORD_BYTES:
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
    """``text`` cut so that each piece, quoted and encoded, takes at most ``room`` bytes."""
    at = 0
    while at < len(text):
        # A character takes 1 to 6 bytes; halve the guess until the piece fits.
        size = min(room, len(text) - at)
        while len(to_bytes(quote(text[at : at + size]))) > room:
            size //= 2
        yield text[at : at + size]
        at += size
