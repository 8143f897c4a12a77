"""Bytes that are written below a text stream."""

from __future__ import annotations

import types

import pytest

from support.captured import Attributed, Stage, text_over


def test_bytes_are_lines(bytes_below):
    """What is written to ``sys.stdout.buffer`` is lines, and arrives below as it is."""
    stage = bytes_below
    stage.stream.buffer.write(b"one\ntwo\nthr")
    stage.stream.buffer.write(b"ee\n")

    assert stage.messages() == ["one", "two", "three"]
    assert stage.bytes.getvalue() == b"one\ntwo\nthree\n"


def test_text_is_no_line_twice(bytes_below):
    """Text passes through the bytes below it, and is one line all the same."""
    stage = bytes_below
    stage.stream.buffer.write(b"bytes\n")
    stage.stream.write("text\n")
    stage.stream.flush()

    assert stage.messages() == ["bytes", "text"]
    assert stage.bytes.getvalue() == b"bytes\ntext\n"


def test_bytes_that_are_no_text(bytes_below):
    """What is no UTF-8 is a line with a replacement for each wrong byte; below it is untouched."""
    stage = bytes_below
    stage.stream.buffer.write(b"\xff\n")

    assert stage.messages() == ["\ufffd"]
    assert stage.bytes.getvalue() == b"\xff\n"


def test_what_is_no_bytes_is_the_writers_error(bytes_below):
    """The error of the stream below comes out, and nothing is a line."""
    with pytest.raises(TypeError):
        bytes_below.stream.buffer.write("text")

    assert bytes_below.messages() == []


def test_bytes_without_passthrough():
    """With passthrough off bytes are lines and go nowhere else; the writer hears their number."""
    stage = Stage(below=text_over(Attributed()), passthrough=False)

    assert stage.stream.buffer.write(b"four") == 4
    stage.capture.complete()
    assert stage.messages() == ["four"]
    assert stage.below.buffer.getvalue() == b""


class Fixed:
    """A stream of bytes whose methods cannot be replaced."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = b""

    def write(self, data):
        """Keep the bytes."""
        self.data += data
        return len(data)


def test_a_buffer_that_cannot_be_covered():
    """Where the bytes below let no method be replaced, they are written and are no lines."""
    below = types.SimpleNamespace(write=len, flush=int, buffer=Fixed())
    stage = Stage(below=below)

    assert stage.stream.buffer.write(b"unseen\n") == 7
    assert stage.messages() == []
    assert below.buffer.data == b"unseen\n"
