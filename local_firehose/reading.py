"""Reading delivered objects back as lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bucket import Bucket, FolderBucket
from .compression import expand

if TYPE_CHECKING:
    from collections.abc import Iterator


class BrokenLineError(ValueError):
    """A line of an object is no JSON.

    Args:
        key: the object.
        number: the line in it, counted from 1.
        line: its bytes.
        reason: what the parser said.
    """

    def __init__(self, key: str, number: int, line: bytes, reason: str) -> None:
        shown = line if len(line) <= 200 else line[:200] + b"..."
        super().__init__(f"object {key!r}, line {number}: {reason}: {shown!r}")
        self.key = key
        self.number = number
        self.line = line


@dataclass(frozen=True)
class StoredObject:
    """An object in a bucket.

    Args:
        key: its key.
        body: its bytes as stored, compressed or not.
    """

    key: str
    body: bytes

    def data(self) -> bytes:
        """Return the records, concatenated as delivered, after undoing compression by extension.

        Raises:
            ValueError: the body is not what the extension says.
        """
        return expand(self.key, self.body)

    def lines(self) -> list[Any]:
        """Return the lines parsed as JSON.

        Raises:
            BrokenLineError: a line is no JSON, or an empty line stands between others.
        """
        lines = self.data().split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        return list(_parse(self.key, lines))


def _parse(key: str, lines: list[bytes]) -> Iterator[Any]:
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise BrokenLineError(key, number, line, str(error)) from None


def read_objects(bucket: Bucket | Path, prefix: str = "") -> list[StoredObject]:
    """Return the objects of a bucket in the order of their keys.

    Args:
        bucket: a bucket, or the folder of one.
        prefix: only keys that begin so; empty for all.
    """
    source = FolderBucket(bucket) if isinstance(bucket, Path) else bucket
    return [StoredObject(key, source.get(key)) for key in source.keys(prefix)]


def read_lines(bucket: Bucket | Path, prefix: str = "") -> list[Any]:
    """Return every line of every object, parsed as JSON; arguments as in `read_objects`.

    Raises:
        BrokenLineError: names object and line number of a line that is no JSON.
        ValueError: an object is not what its extension says.
    """
    return [line for item in read_objects(bucket, prefix) for line in item.lines()]
