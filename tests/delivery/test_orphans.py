from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from firehose_logging._delivery import orphans
from firehose_logging._delivery.journal import CrashJournal, name_prefix
from firehose_logging._delivery.journal_files import Journal

#: Of one process; each needs several files.
LINES = 300


def leave(folder: Path, token: str, lines: int = LINES) -> None:
    """A process that is gone has left this many lines, numbered from 0."""
    dead = Journal(str(folder), name_prefix("logs"), token)
    for number in range(lines):
        line = json.dumps({"n": number, "pad": "x" * 2_000}).encode() + b"\n"
        dead.append(number, line, 0.0, lambda: 0)
    dead.close(keep=True)


def claimed(folder: Path) -> CrashJournal:
    """The next process's journal, as it is when the function's code begins."""
    heir = CrashJournal(str(folder), "logs")
    heir.claim()
    return heir


def numbers(heir: CrashJournal) -> list[int]:
    """What is recovered."""
    return [json.loads(line)["n"] for line in heir.recover()]


def held_by_descriptors(folder: Path) -> list[int]:
    """Descriptors of this process that are files of the folder, with or without a name."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            path = str(link.readlink())
        except OSError:
            continue  # that of the listing itself
        if path.startswith(f"{folder}/"):
            found.append(int(link.name))
    return found


def empty(folder: Path) -> None:
    """As functions do: each name that is there is removed."""
    for name in os.listdir(folder):  # noqa: PTH208
        os.remove(os.path.join(folder, name))  # noqa: PTH107, PTH118


def test_what_was_claimed_survives_an_emptied_folder(tmp_path):
    """The function empties /tmp before anything has been read: every line is found all the same."""
    leave(tmp_path, "1-dead")
    heir = claimed(tmp_path)
    empty(tmp_path)

    assert numbers(heir) == list(range(LINES))
    assert numbers(heir) == []
    heir.close(keep=False)
    assert not held_by_descriptors(tmp_path)


def test_no_name_goes_while_the_function_may_have_listed_it(tmp_path):
    """What was listed before the journals were read can be removed after it."""
    leave(tmp_path, "1-dead")
    heir = claimed(tmp_path)
    listed = os.listdir(tmp_path)  # noqa: PTH208
    assert numbers(heir) == list(range(LINES))

    assert not sum(path.stat().st_size for path in tmp_path.iterdir())
    for name in listed:
        (tmp_path / name).unlink()
    heir.close(keep=False)


@pytest.mark.parametrize("end", ["exit", "killed"])
def test_the_names_go_in_the_end(tmp_path, end):
    """When the process ends, or where it is killed when the next one starts."""
    leave(tmp_path, "1-dead", 3)
    heir = claimed(tmp_path)
    assert numbers(heir) == [0, 1, 2]
    if end == "exit":
        heir.close(keep=False)
    else:
        claimed(tmp_path)

    assert not list(tmp_path.iterdir())


def test_nothing_there_costs_one_look(tmp_path, monkeypatch):
    """No module is loaded and no descriptor taken where no process has left anything."""
    monkeypatch.delitem(sys.modules, orphans.__name__)
    (tmp_path / "work.csv").touch()
    (tmp_path / f"{name_prefix('other')}1-dead.1.journal").touch()

    claimed(tmp_path)
    claimed(tmp_path / "nowhere")

    assert orphans.__name__ not in sys.modules
    assert not (tmp_path / "nowhere").exists()


def test_processes_that_live_keep_theirs(tmp_path):
    """Their files are not claimed."""
    living = Journal(str(tmp_path), name_prefix("logs"), "1-lives")
    living.append(0, b'{"n":0}\n', 0.0, lambda: 0)
    heir = claimed(tmp_path)
    assert numbers(heir) == []
    assert heir.passed_over
    living.close(keep=True)

    assert numbers(heir) == [0]


def test_a_bounded_number_of_descriptors(tmp_path, monkeypatch):
    """However many processes were killed; the rest is read from its names."""
    monkeypatch.setattr(orphans, "MOST_CLAIMED", 5)
    for number in range(9):
        leave(tmp_path, f"{number}-dead", 1)
    heir = claimed(tmp_path)

    assert len(held_by_descriptors(tmp_path)) == 5
    assert numbers(heir) == [0] * 9


def test_what_is_not_read_is_left_to_the_next_process(tmp_path):
    """Closed before it was read, it can be claimed by another."""
    leave(tmp_path, "1-dead", 3)
    claimed(tmp_path).close(keep=True)

    assert numbers(claimed(tmp_path)) == [0, 1, 2]


def test_a_descriptor_that_has_become_something_else(tmp_path):
    """The function closes all that it does not know; what has its number now is none of ours."""
    leave(tmp_path, "1-dead", 3)
    heir = claimed(tmp_path)
    (ours,) = held_by_descriptors(tmp_path)
    other = os.open(os.devnull, os.O_RDONLY)
    os.dup2(other, ours)

    assert numbers(heir) == [0, 1, 2]  # from its name
    assert os.readlink(f"/proc/self/fd/{ours}") == os.devnull  # noqa: PTH115
    os.close(ours)
    os.close(other)


def test_a_file_with_a_second_name_is_none_of_ours(tmp_path):
    """Who links a file of ours to such a name, in a folder for all, must not have it emptied."""
    (tmp_path / "letters").write_text("dear")
    os.link(tmp_path / "letters", tmp_path / f"{name_prefix('logs')}1-dead.1.journal")
    leave(tmp_path, "2-dead", lines=1)

    heir = claimed(tmp_path)
    assert numbers(heir) == [0]
    heir.close(keep=False)
    assert (tmp_path / "letters").read_text() == "dear"


def test_a_file_longer_than_any_of_ours_is_not_read_whole(tmp_path, monkeypatch):
    """Whoever made it: memory is the function's."""
    leave(tmp_path, "1-dead", lines=2)
    (name,) = (path for path in tmp_path.iterdir())
    os.truncate(name, 10**12)  # a hole
    parts = []

    def read(fd, size):
        parts.append(size)
        return os.read(fd, size)

    monkeypatch.setattr(orphans, "read", read)
    monkeypatch.setattr(orphans, "MAX_BYTES", 4 * 1_048_576)
    heir = claimed(tmp_path)
    list(heir.recover())
    heir.close(keep=False)

    assert sum(parts) <= 5 * 1_048_576
