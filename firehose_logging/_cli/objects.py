"""What an object is by its bytes, and what can be saved of one that is damaged."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: As DuckDB's readers know them: "none" is "uncompressed" to some only, and since DuckDB 2.
GZIP = "gzip"
PLAIN = "uncompressed"
PARQUET = "parquet"
FOREIGN = "foreign"
EMPTY = "empty"

#: Bytes read to tell what an object is.
HEAD = 512


def kind(path: Path) -> str:
    """What a file is; its name is not asked, since FileExtension may be anything."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"\x1f\x8b"):
        text = _inflate_head(head)
        # Compressed twice: Firehose gzips what the function had gzipped already.
        return FOREIGN if not text.startswith(b"\x1f\x8b") and not _is_lines(text) else GZIP
    if head.startswith(b"PAR1"):
        return PARQUET
    if not head.strip():
        return EMPTY
    return PLAIN if _is_lines(head) else FOREIGN


def _is_lines(head: bytes) -> bool:
    return not head.strip() or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _inflate_head(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head)
    except zlib.error:
        return b""


class Salvage:
    """What was found in a damaged object.

    Attributes:
        lines: whole lines that were kept.
        unreadable: lines that are no JSON object.
        cut: whether compressed data ended too early or was damaged.
        twice: whether it was compressed twice, and both layers taken off.
        example: the first unreadable line's beginning.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.cut = False
        self.twice = False
        self.unreadable = 0
        self.example = ""


def salvage(path: Path, clean: Path) -> Salvage:
    """Write the whole lines of a file to ``clean``, one JSON object each, and say what was left."""
    found = Salvage()
    clean.parent.mkdir(parents=True, exist_ok=True)
    with clean.open("w", encoding="utf-8") as file:
        for raw in _lines(_unpacked(path, found)):
            text = raw.strip()
            if not text:
                continue
            kept, rest = _values(text.decode("utf-8", "replace"))
            for value in kept:
                # A lone surrogate cannot be UTF-8; of a key that comes twice the last one counts.
                line = json.dumps(value, ensure_ascii=False)
                file.write(line.encode("utf-8", "replace").decode() + "\n")
            found.lines += len(kept)
            if rest:
                found.unreadable += 1
                found.example = found.example or rest[:80]
    return found


def _values(text: str) -> tuple[list[dict[str, object]], str]:
    """The JSON objects of a line, and what could not be read."""
    kept: list[dict[str, object]] = []
    decoder = json.JSONDecoder()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            return kept, text
        if not isinstance(value, dict):
            return kept, text
        kept.append(value)
        text = text[end:].strip()
    return kept, ""


def _unpacked(path: Path, found: Salvage) -> Iterator[bytes]:
    """The text of a file, whatever it is wrapped in, as far as it goes."""
    with path.open("rb") as file:
        layers = 0
        head = file.read(2)
        file.seek(0)
        chunks: Iterator[bytes] = iter(lambda: file.read(1 << 20), b"")
        while head == b"\x1f\x8b" and layers < 2:
            layers += 1
            chunks = _inflate(chunks, found)
            first = next(chunks, b"")
            head = first[:2]
            chunks = _chain(first, chunks)
        found.twice = layers == 2
        yield from chunks


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _inflate(chunks: Iterator[bytes], found: Salvage) -> Iterator[bytes]:
    """Every member of gzipped data, up to where it breaks."""
    member = zlib.decompressobj(31)
    fresh = True
    for chunk in chunks:
        data = chunk
        while data:
            try:
                text = member.decompress(data)
            except zlib.error:
                found.cut = True
                return
            fresh = False
            if text:
                yield text
            if not member.eof:
                break
            data = member.unused_data
            member = zlib.decompressobj(31)
            fresh = True
    if not fresh:
        found.cut = True


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    yield rest


def words(problems: dict[str, Salvage]) -> list[str]:
    """Sentences for people about damaged objects, by key."""
    texts = []
    cut = [key for key, each in problems.items() if each.cut]
    if cut:
        texts.append(
            f"{_count(len(cut), 'object ends', 'objects end')} too early (cut or damaged gzip), "
            f"the lines up to there are read: {_some(cut)}"
        )
    twice = [key for key, each in problems.items() if each.twice]
    if twice:
        texts.append(
            f"{_count(len(twice), 'object is', 'objects are')} compressed twice (the function and "
            f"the stream both gzip): set the stream's CompressionFormat to UNCOMPRESSED: "
            f"{_some(twice)}"
        )
    unreadable = Counter({key: each.unreadable for key, each in problems.items()})
    total = unreadable.total()
    if total:
        worst = [key for key, count in unreadable.most_common() if count]
        example = next(each.example for each in problems.values() if each.example)
        texts.append(
            f"{_count(total, 'line is', 'lines are')} no JSON object and left out, such as "
            f"{example!r}, in {_some(worst)}"
        )
    return texts


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 2:,} more" if len(keys) > 2 else ""
    return ", ".join(keys[:2]) + more
