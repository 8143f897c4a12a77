from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from firehose_logging._delivery import journal_files, orphans
from firehose_logging._delivery.journal import PREFIX, name_prefix
from firehose_logging._delivery.journal_files import (
    KEEP_BYTES,
    SEGMENT_BYTES,
    Journal,
)
from firehose_logging._delivery.segment import HEADER
from firehose_logging.errors import BUFFER_FULL, DIVERTED


def line(number: int, size: int = 40) -> bytes:
    """A line with its number."""
    return json.dumps({"n": number, "pad": "x" * size}).encode() + b"\n"


def write(journal: Journal, numbers, size: int = 40, oldest: int | None = 0, now: float = 0.0):
    """Journal lines, the oldest of which stays pending."""
    for number in numbers:
        journal.append(number, line(number, size), now, lambda: oldest)


def numbers(journal: Journal) -> list[int]:
    """What is recovered."""
    return [json.loads(found)["n"] for found in journal.recover()]


def files(folder) -> list:
    """Our files."""
    return sorted(folder.glob(f"{PREFIX}*"))


@pytest.fixture
def dead(tmp_path):
    """A journal whose process will be gone."""
    return Journal(str(tmp_path), name_prefix("logs"), "1-dead")


@pytest.fixture
def heir(tmp_path):
    """The journal of the next process."""
    return Journal(str(tmp_path), name_prefix("logs"), "2-next")


def test_what_is_left_is_found_once(dead, heir, tmp_path):
    """In order, over several files, which are emptied when they are read."""
    write(dead, range(300), size=2_000)
    assert len(files(tmp_path)) > 2
    assert numbers(heir) == []  # it lives
    assert heir.passed_over
    dead.close(keep=True)

    assert numbers(heir) == list(range(300))
    assert not sum(path.stat().st_size for path in files(tmp_path))
    assert not heir.passed_over


def test_what_was_settled_is_not_taken_over(dead, heir):
    """Within one file, too: a duplicate less for each line that was confirmed."""
    write(dead, range(10))
    dead.forget(7)
    dead.close(keep=True)

    assert numbers(heir) == [7, 8, 9]


def test_what_was_settled_while_a_call_hangs_is_not_taken_over(dead, heir):
    """The oldest line may be pending while younger ones have gone another way."""
    write(dead, range(10))
    dead.forget(0, (2, 8))
    dead.close(keep=True)

    assert numbers(heir) == [0, 1, 8, 9]


def test_indices_may_grow_for_ever(dead, heir):
    """They are kept in four bytes."""
    start = 2**32 - 2
    write(dead, range(start, start + 5))
    dead.forget(start + 3)
    dead.close(keep=True)

    assert numbers(heir) == [start + 3, start + 4]


def test_everything_settled_starts_over(dead, heir, tmp_path):
    """In normal life one file is written again and again."""
    for round_ in range(50):
        write(dead, range(round_ * 100, round_ * 100 + 100), size=500)
        dead.forget(None)
    assert len(files(tmp_path)) == 1
    dead.close(keep=True)

    assert numbers(heir) == []


def test_a_burst_finds_the_file_of_the_last_one(dead, heir, tmp_path):
    """One file is kept, the largest of up to 1 MiB; losses are in it, and what is written next."""
    write(dead, range(1_000), size=2_000)
    most = max(f.stat().st_size for f in files(tmp_path) if f.stat().st_size <= KEEP_BYTES)
    dead.keep_losses({BUFFER_FULL: 2})
    dead.forget(None)
    (kept,) = files(tmp_path)
    assert kept.stat().st_size == most > SEGMENT_BYTES

    write(dead, range(1_000, 1_200), size=2_000, oldest=1_000)
    assert files(tmp_path) == [kept]
    dead.close(keep=True)

    assert numbers(heir) == list(range(1_000, 1_200))
    assert heir.found == {BUFFER_FULL: 2}


def test_a_line_in_a_burst_is_in_the_file_at_once(dead, heir):
    """However the lines before it came: one by one, many in a moment, or over a new file."""
    for number in range(600):
        write(dead, [number], size=300, now=number // 100 * 1.0)
    dead.close(keep=True)

    assert numbers(heir) == list(range(600))


def test_a_handful_of_descriptors_for_any_buffer(dead, tmp_path):
    """Files grow with what there is: 16 MiB are a dozen of them, not sixty-four pairs."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    write(dead, range(160), size=100_000)

    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 16
    assert len(files(tmp_path)) <= 16
    dead.close(keep=False)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_deleted_files_are_made_anew_with_what_they_held(dead, heir, tmp_path):
    """What was pending and what comes survives; ``os.remove`` has no folder to trip over."""
    write(dead, range(3), now=1.0)
    for name in os.listdir(tmp_path):  # noqa: PTH208 - as functions do
        os.remove(tmp_path / name)  # noqa: PTH107
    write(dead, range(3, 6), now=2.0)
    assert dead.take_deleted()
    assert not dead.take_deleted()
    dead.close(keep=True)

    assert numbers(heir) == list(range(6))


def test_a_reserve_of_free_space_is_left(dead, monkeypatch, tmp_path):
    """The function's own files come first."""
    space = os.statvfs(tmp_path)
    free = space.f_bavail * space.f_frsize
    monkeypatch.setattr(journal_files, "RESERVE_BYTES", free + (1 << 30))
    write(dead, range(3))

    assert "would be left free" in dead.trouble
    assert [path.stat().st_size for path in files(tmp_path)] == [HEADER]
    monkeypatch.undo()
    dead.forget(None)
    write(dead, range(3))
    assert dead.trouble is None
    dead.close(keep=False)


def bound(monkeypatch, size):
    """All journals of a stream have this many bytes at most."""
    for module in (journal_files, orphans):
        monkeypatch.setattr(module, "MAX_BYTES", size)


def test_all_journals_together_are_bounded(dead, heir, monkeypatch, tmp_path):
    """Those of processes that live count, too."""
    bound(monkeypatch, journal_files.SEGMENT_BYTES)
    write(dead, range(3))
    write(heir, range(3))

    assert dead.trouble is None
    assert "journals have taken" in heir.trouble
    assert sorted(path.stat().st_size for path in files(tmp_path)) == [HEADER, SEGMENT_BYTES]
    dead.close(keep=False)


def test_lines_in_memory_alone_are_counted_by_the_next_process(dead, heir, monkeypatch, tmp_path):
    """Killed while the journals' bound is reached: lines are gone, and their number is told."""
    bound(monkeypatch, journal_files.SEGMENT_BYTES)
    write(heir, range(3))  # takes all the room
    write(dead, range(5, 12), oldest=5)
    dead.forget(7, (9, 11))  # some are settled since
    dead.close(keep=True)
    heir.close(keep=False)

    last = Journal(str(tmp_path), name_prefix("logs"), "3-last")
    assert numbers(last) == []
    assert last.found == {BUFFER_FULL: 3}  # 7, 8 and 11


def test_lines_after_the_last_one_that_had_room_are_counted(dead, heir, monkeypatch):
    """What is in the file is delivered, what found no room in it counted."""
    bound(monkeypatch, journal_files.SEGMENT_BYTES)
    write(dead, range(40), size=2_000)
    dead.close(keep=True)

    found = numbers(heir)
    assert 20 < len(found) < 40
    assert heir.found == {BUFFER_FULL: 40 - len(found)}


def test_losses_are_handed_on_where_there_is_no_room(dead, heir, monkeypatch):
    """What one process found and had no time to tell, the next one tells."""
    bound(monkeypatch, 0)
    dead.keep_losses({BUFFER_FULL: 5})
    dead.close(keep=True)

    assert numbers(heir) == []
    assert heir.found == {BUFFER_FULL: 5}


def test_lines_that_were_in_memory_alone_and_are_settled_count_no_more(dead, heir, monkeypatch):
    """When all is delivered nothing is left to tell, and lines are journalled again."""
    bound(monkeypatch, journal_files.SEGMENT_BYTES)
    write(dead, range(40), size=2_000)
    dead.forget(None)
    write(dead, [40])
    dead.close(keep=True)

    assert numbers(heir) == [40]
    assert heir.found == {}


def test_losses_and_diverted_lines_are_handed_on(dead, heir):
    """What no line told yet; the last file has the last word."""
    dead.keep_losses({BUFFER_FULL: 2})
    dead.keep_losses({BUFFER_FULL: 3, DIVERTED: 4})
    dead.close(keep=True)

    assert numbers(heir) == []
    assert heir.found == {BUFFER_FULL: 3, DIVERTED: 4}
    assert numbers(heir) == []
    assert heir.found == {}


def test_a_place_of_its_own(tmp_path):
    """The folder is made, for this user alone; one that cannot be made is refused."""
    Journal(str(tmp_path / "a" / "b"), name_prefix("logs"), "1-x")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Journal(str(tmp_path / "file"), name_prefix("logs"), "1-x")


def test_a_long_line_has_a_file_of_its_own_size(dead, heir, tmp_path):
    """However long."""
    write(dead, [1], size=900_000)
    dead.close(keep=True)

    assert numbers(heir) == [1]


def test_deleted_files_are_noticed_without_a_line(dead, heir, tmp_path):
    """So many lines came at once that the last were not looked for: a look of its own is left."""
    write(dead, range(100), now=1.0)
    for path in files(tmp_path):
        path.unlink()
    write(dead, [100], now=1.0)
    assert not files(tmp_path)

    dead.look()

    dead.close(keep=True)
    assert numbers(heir) == list(range(101))
