"""One file of the journal: what is in it after any end of its process."""

from __future__ import annotations

import errno
import os

import pytest

from firehose_logging._delivery import segment as _segment
from firehose_logging._delivery.segment import (
    COUNTED,
    ENTRY,
    HEADER,
    Segment,
    losses_as_bytes,
)
from firehose_logging._delivery.segment_reader import read_lines, read_losses

SIZE = 4096


@pytest.fixture
def path(tmp_path):
    """Where the file is."""
    return tmp_path / "one.journal"


@pytest.fixture
def segment(path):
    """A file with three lines, of indices 0 to 2."""
    segment = Segment(str(path), SIZE)
    for index in range(3):
        assert segment.append(index, b"line %d\n" % index)
    yield segment
    segment.close()


def read(path):
    """The lines that the next process reads."""
    data = path.read_bytes()
    return list(read_lines(data, data[:HEADER]))


def test_lines_are_there_at_once(segment, path):
    """Without any call to the system, what was appended is in the file."""
    assert read(path) == [b"line 0\n", b"line 1\n", b"line 2\n"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == SIZE


def test_settled_lines_are_left_out(segment, path):
    """Lines before the oldest pending one are not read, nor those in the gap behind it."""
    segment.forget(1, 2, 3)

    assert read(path) == [b"line 1\n"]


def test_a_restart_forgets(segment, path):
    """Lines of an earlier use are no lines any more, although their bytes are there."""
    for index in range(3, 9):
        assert segment.append(index, b"line %d\n" % index)
    segment.restart()
    assert read(path) == []
    # As long as those before it: behind it stands what was the head of a line.
    assert segment.append(7, b"line 7\n")

    assert read(path) == [b"line 7\n"]
    assert segment.last == 7


@pytest.mark.parametrize("most", range(8))
def test_a_full_file_takes_no_more(segment, path, most):
    """There is room for a line with the word behind it, up to the last byte and no further."""
    room = SIZE - segment.at - 16 - most
    assert not segment.append(3, b"x" * (SIZE - segment.at - 15))
    assert not segment.append(3, b"x" * SIZE)
    assert segment.append(3, b"x" * (room - 1) + b"\n")
    assert not segment.append(4, b"")

    assert [len(line) for line in read(path)[3:]] == [room]


@pytest.mark.parametrize("size", range(1, 18))
def test_room_for_a_line(tmp_path, size):
    """``ENTRY`` is what a line takes at most, whatever its length."""
    path = tmp_path / "own.journal"
    segment = Segment(str(path), HEADER + ENTRY + size)
    line = b"x" * (size - 1) + b"\n"

    assert segment.append(0, line)
    assert read(path) == [line]
    segment.close()


class Killed:
    """What a segment stores into; the file is read before each store, in the middle, and after."""

    def __init__(self, target, seen):
        self.target = target
        self.seen = seen

    def __setitem__(self, at, value):
        self.seen()
        if isinstance(at, slice):  # a copy may be cut anywhere
            half = len(value) // 2
            self.target[at.start : at.start + half] = value[:half]
            self.seen()
        self.target[at] = value
        self.seen()


@pytest.mark.parametrize("restarted", [False, True])
def test_killed_between_any_two_stores(segment, path, restarted):
    """A line is there whole or not at all, and so are those before it; nothing old comes back."""
    written = [b"line 0\n", b"line 1\n", b"line 2\n"]
    if restarted:
        for index in range(3, 100):
            assert segment.append(index, b"line %d\n" % index)
        segment.restart()
        written = []
    found = []

    def seen():
        found.append(read(path))

    segment._map, segment._words = Killed(segment._map, seen), Killed(segment._words, seen)
    for size in (1, 7, 8, 9, 400):
        line = b"y" * (size - 1) + b"\n"
        found.clear()
        assert segment.append(1000 + size, line)

        assert len(found) >= 7  # two words, and a copy with its middle
        assert found[:-1] == [written] * (len(found) - 1)
        written = [*written, line]
        assert found[-1] == written
    segment._map, segment._words = segment._map.target, segment._words.target


def test_losses_are_kept(segment, path):
    """Counters come back by reason; what no word of four bytes holds is cut to the most."""
    given = {reason: number for number, reason in enumerate(COUNTED, 1)}
    given[COUNTED[0]] = 2**40
    segment.count(losses_as_bytes(given))

    assert read_losses(path.read_bytes()) == [2**32 - 1, *range(2, len(COUNTED) + 1)]


def test_a_deleted_file_is_made_anew(segment, path):
    """Who empties the folder deletes nothing for good."""
    assert segment.is_there
    path.unlink()
    assert not segment.is_there
    segment.make_anew()

    assert read(path) == [b"line 0\n", b"line 1\n", b"line 2\n"]


def test_another_ones_file_is_not_removed(segment, path):
    """A file that has taken the name meanwhile is not ours to delete."""
    path.unlink()
    path.write_bytes(b"another's")
    segment.remove()

    assert path.read_bytes() == b"another's"


def test_no_room_leaves_nothing_behind(path, monkeypatch):
    """Where the file system is full there is an error, and no half made file."""

    def full(fd, offset, size):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(_segment.os, "posix_fallocate", full)
    with pytest.raises(OSError, match="no space"):
        Segment(str(path), SIZE)
    assert list(path.parent.iterdir()) == []


def test_removed(segment, path):
    """A removed file is gone; it may be gone already."""
    segment.remove()
    assert not path.exists()


LOSSES = bytes([7, 0, 0, 0]).ljust(4 * len(COUNTED), b"\0")


@pytest.fixture(params=["without a name", "under another name"])
def made(request, monkeypatch):
    """Each way to make a file, and what is in it when it gets its name."""
    seen = []
    if request.param == "under another name":
        monkeypatch.delattr(os, "O_TMPFILE")
    link, rename = os.link, os.rename

    def reading(path):
        with open(path, "rb") as file:  # noqa: PTH123
            seen.append(file.read())

    def linking(fresh, path, **how):
        reading(fresh)
        link(fresh, path, **how)

    def renaming(fresh, path):
        reading(fresh)
        rename(fresh, path)

    monkeypatch.setattr(os, "link", linking)
    monkeypatch.setattr(os, "rename", renaming)
    return seen


def test_a_file_is_whole_before_it_has_its_name(tmp_path, made):
    """Killed at any moment, a process has left no file that says less than the one before it."""
    segment = Segment(f"{tmp_path}/1.journal", 4096, LOSSES, (3, 0, 0))

    (data,) = made
    assert read_losses(data)[0] == 7
    assert len(data) == 4096
    segment.append(2, b"settled\n")
    segment.append(3, b"pending\n")
    data = (tmp_path / "1.journal").read_bytes()
    assert list(read_lines(data, data)) == [b"pending\n"]
    segment.remove()


def test_so_is_one_that_is_made_anew(tmp_path, made):
    """With all that it held."""
    segment = Segment(f"{tmp_path}/1.journal", 4096)
    segment.append(0, b"pending\n")
    (tmp_path / "1.journal").unlink()
    assert not segment.is_there

    segment.make_anew()

    assert list(read_lines(made[-1])) == [b"pending\n"]
    assert segment.is_there
    segment.remove()


def test_a_folder_shows_no_name_that_is_soon_gone(tmp_path):
    """A function that removes what it has just listed would trip over it."""
    listed = set()
    link = os.link

    def linking(fresh, path, **how):
        listed.update(os.listdir(tmp_path))  # noqa: PTH208
        link(fresh, path, **how)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "link", linking)
        segment = Segment(f"{tmp_path}/1.journal", 4096)

    assert listed == set()
    assert segment.is_there
    segment.remove()
