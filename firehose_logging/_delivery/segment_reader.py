"""What the bytes of a journal's file say to whoever comes after its process."""

from __future__ import annotations

from firehose_logging._delivery.segment import (
    BETWEEN,
    COUNTED,
    COUNTS,
    END,
    HEAD,
    HEADER,
    MAGIC,
    NOT_KEPT,
    OLDEST,
    WORD,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def read_lines(data: bytes, head: bytes = b"") -> Iterator[bytes]:
    """The whole lines of a segment's bytes, up to where the chain ends.

    Args:
        data: of a file.
        head: the header of the process's last file, which says what is settled and left out;
            empty leaves out nothing.
    """
    if not _is_segment(data):
        return
    oldest, start, end = _words(head) if _is_segment(head) else (0, 0, 0)
    words = memoryview(data)[: len(data) & -8].cast("Q")
    at = HEADER
    while at + HEAD < len(data):
        size, index = words[at >> 3] & WORD, words[at >> 3] >> 32
        line = data[at + HEAD : at + HEAD + size]
        # A file that somebody has cut, or written into: no line has a newline but at its end.
        if not size or line.find(b"\n") != size - 1:
            return
        # Indices are cut to four bytes: what is "before" is less than half of all of them away.
        pending = not head or (index - oldest) & WORD < 0x80000000
        if pending and not (index - start) & WORD < (end - start) & WORD < 0x80000000:
            yield line
        at += HEAD + size + 7 & -8


def _words(head: bytes) -> tuple[int, int, int]:
    return _word(head, OLDEST), _word(head, BETWEEN), _word(head, BETWEEN + 4)


def read_losses(data: bytes) -> list[int]:
    """The counters of losses that nothing told yet, from a header, in the order of ``COUNTED``."""
    if not _is_segment(data):
        return [0] * len(COUNTED)
    return [int.from_bytes(data[at : at + 4], "little") for at in range(COUNTS, END, 4)]


def not_kept(head: bytes) -> int:
    """How many lines a process had in memory alone, from the header of its last file."""
    if not _is_segment(head):
        return 0
    oldest, start, end = _words(head)
    first, last = _word(head, NOT_KEPT), _word(head, NOT_KEPT + 4)
    if (oldest - first) & WORD < 0x80000000:
        first = oldest
    most = _span(first, last)
    from_there = min(_span(first, start), most)
    to_there = min(_span(first, end), most)
    return most - max(to_there - from_there, 0)


def _span(first: int, last: int) -> int:
    """How many indices there are from one up to another; 0 where the other comes before."""
    between = (last - first) & WORD
    return between if between < 0x80000000 else 0


def _word(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "little")


def _is_segment(data: bytes) -> bool:
    return len(data) >= HEADER and data[: len(MAGIC)] == MAGIC
