"""What is read from a file of the journal that somebody else has cut, changed or made."""

from __future__ import annotations

import pytest

from firehose_logging._delivery.segment import COUNTED, HEADER, Segment
from firehose_logging._delivery.segment_reader import not_kept, read_lines, read_losses


@pytest.fixture
def path(tmp_path):
    """Where the file is."""
    return tmp_path / "one.journal"


@pytest.fixture
def segment(path):
    """A file with three lines, of indices 0 to 2."""
    segment = Segment(str(path), 4096)
    for index in range(3):
        assert segment.append(index, b"line %d\n" % index)
    yield segment
    segment.close()


@pytest.mark.parametrize("cut", [1, 7, 8, 11])
def test_a_file_that_was_cut_ends_the_reading(segment, path, cut):
    """Of a line that is not there whole nothing is read; those before it are."""
    begins = segment.at - 16  # the last line: eight bytes of its own, eight before it
    data = path.read_bytes()[: begins + cut]

    assert list(read_lines(data)) == [b"line 0\n", b"line 1\n"]


@pytest.mark.parametrize("size", [0, 3, 6, 8, 23, 2**31])
def test_a_length_that_is_wrong_ends_the_reading(segment, path, size):
    """Nothing but a line is taken for one: it has one newline, which is its last byte."""
    data = bytearray(path.read_bytes())
    data[segment.at - 16 : segment.at - 12] = size.to_bytes(4, "little")

    assert list(read_lines(bytes(data))) == [b"line 0\n", b"line 1\n"]


def test_foreign_bytes_are_no_segment():
    """Another file's bytes have neither lines nor losses."""
    assert list(read_lines(b"something else" * 100)) == []
    assert read_losses(b"something else" * 100) == [0] * len(COUNTED)
    assert list(read_lines(b"")) == []
    assert not_kept(b"something else" * 100) == 0


@pytest.mark.parametrize(
    ("settled", "most"),
    [((0, 0, 0), 4), ((6, 0, 0), 3), ((5, 7, 8), 3), ((5, 6, 20), 1), ((9, 0, 0), 0)],
)
def test_lines_in_memory_alone_are_counted(segment, path, settled, most):
    """From 5 up to 9, less those that are settled since: the oldest ones, or a gap behind them."""
    segment.leave_out(5, 9)
    segment.forget(*settled)

    assert not_kept(path.read_bytes()[:HEADER]) == most
