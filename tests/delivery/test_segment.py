from __future__ import annotations

import os

import pytest

from firehose_logging._delivery.segment import HEADER, Segment, read_lines, read_losses

LOSSES = bytes([7, 0, 0, 0]).ljust(HEADER - 24, b"\0")


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
