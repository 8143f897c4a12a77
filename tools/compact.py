"""Bytecode of many modules in as few bytes and objects as can be: equal parts are there once.

``marshal.dumps`` notes which objects are the same one; names, constants and tables of two
functions are often equal and two. Here what it wrote is read as a tree, equal parts of it become
one, and it is written again. What is there once is not noted as if it could come again: a note
costs time and memory in each process that reads it. The tables of lines are made shorter, too:
ranges of one line that touch each other become one.

Runs on each Python that Lambda offers, with the standard library alone. What a later one writes in
another way stays as it wrote it.
"""

from __future__ import annotations

import marshal
from types import CodeType
from typing import Any

#: Since 3.11 a table says of each range of instructions which line it is, and what columns.
_HAS_RANGES = hasattr(CodeType, "co_positions")
#: An object that may come again, by this bit of its type (CPython's Python/marshal.c).
_NOTED = 0x80
#: Values that are nothing but their type, and small numbers, are not shorter as a note.
_BARE = b"NFTS."
_NEVER_NOTED = b"NFTS.i"
#: Values that can change: equal ones are two.
_MUTABLE = b"[<{"
#: How many numbers of four bytes, objects, one more number and objects are in a code object.
_CODE = (5, 8, 1, 2) if _HAS_RANGES else (6, 8, 1, 1)
#: Code units that one entry of a table of lines can hold (Objects/locations.md).
_MOST_UNITS = 8

#: Type, bytes of its own, numbers of the parts it is made of; a code object's parts are mixed.
_Part = tuple[int, bytes, tuple[Any, ...]]


def dumps(value: Any) -> bytes:
    """What ``marshal.loads`` makes an equal value of, in as few bytes as it can be.

    Args:
        value: code objects, and what can be among their constants, in dicts, lists and tuples.
    """
    plain = marshal.dumps(value)
    try:
        packed = _Writer(_Reader(plain)).data
    except _UnknownTypeError:
        return plain
    assert marshal.loads(packed) == value  # noqa: S302 - what was written just now
    return packed


def short_lines(code: CodeType) -> CodeType:
    """The code with shorter tables of lines, its own and those of the functions in it."""
    consts = tuple(short_lines(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    if not _HAS_RANGES:
        return code.replace(co_consts=consts)  # one entry a line already
    table, last = bytearray(), code.co_firstlineno
    for line, count in _ranges(code):
        units = count
        step = 0 if line is None else line - last
        last += step
        while units:
            length = min(units, _MOST_UNITS)
            kind = 15 if line is None else 13  # no place; a line without columns
            table.append(0x80 | kind << 3 | length - 1)
            if line is not None:
                table += _signed(step)
            units -= length
            step = 0
    short = code.replace(co_consts=consts, co_linetable=bytes(table))
    assert _ranges(short) == _ranges(code)
    return short


def short_names(code: CodeType) -> CodeType:
    """The code with functions that are named without the classes that they stand in.

    That is a string for each of them. Classes keep theirs, and tracebacks never show it.
    """
    consts = tuple(short_names(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    if not _HAS_RANGES:
        return code.replace(co_consts=consts)  # the name is a constant of whoever makes a function
    return code.replace(co_consts=consts, co_qualname=code.co_name)  # type: ignore[call-arg]


def _ranges(code: CodeType) -> list[tuple[int | None, int]]:
    """The lines of the code, as it stands, and how many units each has there."""
    found: list[tuple[int | None, int]] = []
    for start, end, line in code.co_lines():
        units = (end - start) // 2
        if found and found[-1][0] == line:
            units += found.pop()[1]
        found.append((line, units))
    return found


def _signed(number: int) -> bytes:
    """A number in sixes of bits, the least first, its sign in the lowest."""
    rest = -number << 1 | 1 if number < 0 else number << 1
    found = bytearray()
    while rest >= 0x40:
        found.append(0x40 | rest & 0x3F)
        rest >>= 6
    return bytes([*found, rest])


class _UnknownTypeError(Exception):
    """This interpreter writes something that we have not seen."""


class _Reader:
    """Reads what ``marshal`` wrote: parts by number, equal ones with one number.

    Args:
        data: of ``marshal.dumps``.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._notes: list[int] = []
        self._known: dict[_Part, int] = {}
        self.parts: list[_Part] = []
        self.root = self._object()

    def _take(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def _size(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _object(self) -> int:
        head = self._take(1)[0]
        kind = head & ~_NOTED
        if kind == ord("r"):
            return self._notes[self._size(4)]
        note = len(self._notes)
        if head & _NOTED:
            self._notes.append(-1)
        number = self._number(self._part(kind))
        if head & _NOTED:
            self._notes[note] = number
        return number

    def _number(self, part: _Part) -> int:
        number = len(self.parts)
        if part[0] not in _MUTABLE:
            number = self._known.setdefault(part, number)
        if number == len(self.parts):
            self.parts.append(part)
        return number

    def _part(self, kind: int) -> _Part:
        letter = chr(kind)
        if kind in _BARE:
            return kind, b"", ()
        if letter in "igy":
            return kind, self._take({"i": 4, "g": 8, "y": 16}[letter]), ()
        if letter == "l":
            size = self._take(4)
            digits = abs(int.from_bytes(size, "little", signed=True))
            return kind, size + self._take(2 * digits), ()
        if letter in "stuaAzZ":
            width = 1 if letter in "zZ" else 4
            return kind, self._take(self._size(width)), ()
        if letter in "()[<>":
            count = self._size(1 if letter == ")" else 4)
            return kind, b"", tuple(self._object() for _ in range(count))
        if letter == "{":
            return kind, b"", tuple(self._until_end())
        if letter == ":":
            return kind, b"", tuple(self._object() for _ in range(3))
        if letter == "c":
            before, objects, number, more = _CODE
            numbers = self._take(4 * before)
            inner = [self._object() for _ in range(objects)]
            numbers += self._take(4 * number)
            return kind, numbers, tuple(inner + [self._object() for _ in range(more)])
        raise _UnknownTypeError(letter)

    def _until_end(self) -> list[int]:
        found = []
        while self._data[self._at] != ord("0"):
            found.append(self._object())
        self._at += 1
        return found


class _Writer:
    """Writes parts, each of them once.

    Args:
        read: where they are.
    """

    def __init__(self, read: _Reader) -> None:
        self._parts = read.parts
        self._uses = [0] * len(read.parts)
        self._uses[read.root] = 1
        for _kind, _own, inner in read.parts:
            for number in inner:
                self._uses[number] += 1
        self._written: dict[int, int] = {}
        self._notes = 0
        self._out = bytearray()
        self._write(read.root)
        self.data = bytes(self._out)

    def _write(self, number: int) -> None:
        kind, own, inner = self._parts[number]
        if number in self._written:
            self._out += b"r" + self._written[number].to_bytes(4, "little")
            return
        noted = self._uses[number] > 1 and kind not in _NEVER_NOTED
        if noted:
            self._written[number] = self._notes
            self._notes += 1
        letter = chr(kind)
        self._out.append(kind | _NOTED if noted else kind)
        if letter in "stuaAzZ":
            self._out += len(own).to_bytes(1 if letter in "zZ" else 4, "little")
        elif letter in "()[<>":
            self._out += len(inner).to_bytes(1 if letter == ")" else 4, "little")
        if letter != "c":
            self._out += own
            for part in inner:
                self._write(part)
        else:
            before, objects, _number, _more = _CODE
            self._out += own[: 4 * before]
            for part in inner[:objects]:
                self._write(part)
            self._out += own[4 * before :]
            for part in inner[objects:]:
                self._write(part)
        if letter == "{":
            self._out += b"0"
