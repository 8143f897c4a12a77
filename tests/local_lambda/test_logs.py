"""Lines and frames: what a process writes becomes events."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_lambda.logs import MAX_LINE_BYTES, FrameParser, LineSplitter, LogEvent, OutputReader


def frame(text: str, kind: int = 0x000F, micros: int = 1_700_000_000_000_000) -> bytes:
    """Return a frame as the runtime client writes it."""
    payload = text.encode()
    header = (0xA55A0000 | kind).to_bytes(4, "big") + len(payload).to_bytes(4, "big")
    return header + micros.to_bytes(8, "big") + payload


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut bytes into pieces of these sizes and the rest."""
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(
    st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))),
    st.lists(st.integers(1, 20)),
)
def test_lines_do_not_depend_on_how_bytes_arrive(lines, sizes):
    """However the bytes are cut, the same lines come out."""
    splitter = LineSplitter("stdout")
    data = "".join(f"{line}\n" for line in lines).encode()

    events = [event for piece in cut(data, sizes) for event in splitter.feed(piece)]

    assert lines == [event.text for event in events]
    assert list(splitter.end()) == []


def test_what_has_no_line_end_comes_at_the_end():
    """The last line is passed on when the stream ends."""
    splitter = LineSplitter("stderr")

    assert [event.text for event in splitter.feed(b"a\nb")] == ["a"]
    assert [event.text for event in splitter.end()] == ["b"]
    assert list(splitter.end()) == []


def test_a_line_without_end_is_cut():
    """A line over the limit is passed on in pieces."""
    splitter = LineSplitter("stdout")

    events = list(splitter.feed(b"x" * (2 * MAX_LINE_BYTES + 5)))

    assert [len(event.text) for event in events] == [MAX_LINE_BYTES, MAX_LINE_BYTES]
    assert [event.text for event in splitter.end()] == ["xxxxx"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.lists(st.integers(1, 20)))
def test_frames_do_not_depend_on_how_bytes_arrive(messages, sizes):
    """However the bytes are cut, the same frames come out, whatever their text."""
    parser = FrameParser()
    data = b"".join(frame(message) for message in messages)

    events = [event for piece in cut(data, sizes) for event in parser.feed(piece)]

    assert messages == [event.raw for event in events]
    assert list(parser.end()) == []


@pytest.mark.parametrize(
    ("kind", "level", "form"),
    [
        (0x0003, "NOTSET", "Text"),
        (0x0002, "NOTSET", "JSON"),
        (0x000B, "DEBUG", "Text"),
        (0x000E, "INFO", "JSON"),
        (0x0013, "WARNING", "Text"),
        (0x0016, "ERROR", "JSON"),
        (0x001B, "CRITICAL", "Text"),
        (0x7777, "NOTSET", "Text"),
    ],
)
def test_frame_type_tells_level_and_format(kind, level, form):
    """The low half of the type is the level and the log format."""
    (event,) = FrameParser().feed(frame("hello\n", kind))

    assert ("log", level, form) == (event.stream, event.level, event.format)
    assert (event.text, event.raw) == ("hello", "hello\n")
    assert event.time == 1_700_000_000.0


def test_what_is_no_frame_is_shown_as_lines():
    """Someone else writing to the fd loses the frames, but nothing of the text."""
    parser = FrameParser()

    events = [*parser.feed(frame("good")), *parser.feed(b"not a frame at all\nrest"), *parser.end()]

    assert [event.text for event in events] == ["good", "not a frame at all", "rest"]


def test_frame_cut_off_by_the_end():
    """Of a frame that was not finished the text so far is passed on."""
    parser = FrameParser()

    assert list(parser.feed(frame("cut off here")[:-5])) == []
    assert [event.text for event in parser.end()] == ["cut off"]


def test_reader_passes_on_all_that_was_written_before_sync():
    """After `sync` everything written before has reached the sink, in order for each pipe."""
    events: list[LogEvent] = []
    read_end, write_end = os.pipe()
    reader = OutputReader("test", {"stdout": read_end}, events.append)
    try:
        for number in range(200):
            os.write(write_end, f"{number}\n".encode())
            assert reader.sync()
            assert str(number) == events[-1].text
    finally:
        os.close(write_end)
        reader.close()

    assert [str(number) for number in range(200)] == [event.text for event in events]
    assert {"test"} == {event.source for event in events}
    assert reader.sync()


def test_reader_ends_though_somebody_keeps_the_pipe():
    """`close` does not wait for a pipe that another process holds open."""
    events: list[LogEvent] = []
    read_end, write_end = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        pass_fds=(write_end,),
    ) as holder:
        reader = OutputReader("test", {"stdout": read_end}, events.append)
        os.write(write_end, b"last words")
        os.close(write_end)

        reader.close()

        assert [event.text for event in events] == ["last words"]
        assert holder.poll() is None
