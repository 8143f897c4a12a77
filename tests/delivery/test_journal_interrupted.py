"""The function's own exception breaks into the journal: it comes out, and the journal goes on."""

from __future__ import annotations

import os

import pytest

from firehose_logging import _diagnostics
from firehose_logging._delivery import journal_files
from firehose_logging._delivery.journal import CrashJournal, name_prefix
from firehose_logging._delivery.journal_files import Journal


class TimeIsUpError(OSError):
    """What a signal handler of the function's raises, an OSError as TimeoutError is one."""


@pytest.fixture(autouse=True)
def nothing_told():
    """Nothing has been told before."""
    _diagnostics.forget()


def interrupted(*_: object, **__: object) -> None:
    """A call into the kernel within which a signal handler raises."""
    raise TimeIsUpError("time is up")


def keep(journal: CrashJournal, index: int = 0) -> None:
    """Keep a line."""
    journal.append(index, b"{}\n", float(index), lambda: 0, lambda: (0, 0))


BREAKS = {
    "opened": (os, "urandom", keep),
    "grown": (journal_files, "Segment", keep),
    "measured": (os, "statvfs", keep),
}


@pytest.mark.parametrize("moment", ["opened", "grown", "measured"])
def test_an_interruption_while_it_is_opened_comes_out(tmp_path, monkeypatch, capfd, moment):
    """The next line opens it: one interruption does not cost the journal of a process."""
    journal = CrashJournal(str(tmp_path), "logs")
    place, name, action = BREAKS[moment]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, interrupted)
        with pytest.raises(TimeIsUpError):
            action(journal)
    keep(journal)

    assert journal.keeps
    assert list(tmp_path.iterdir())
    assert "no crash journal" not in capfd.readouterr().err
    journal.close(keep=False)


@pytest.mark.parametrize("action", ["look", "losses", "forget"])
def test_an_interruption_meanwhile_comes_out(tmp_path, monkeypatch, action):
    """An exception of the usual kind is the function's where its own frame is the innermost."""
    journal = CrashJournal(str(tmp_path), "logs")
    keep(journal)
    inner = journal._journal
    actions = {
        "look": (inner, "look", journal.look),
        "losses": (inner, "keep_losses", lambda: journal.keep_losses({"refused": 1})),
        "forget": (inner, "forget", lambda: journal.forget(3)),
    }
    place, name, act = actions[action]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, interrupted)
        with pytest.raises(TimeIsUpError):
            act()

    assert journal._journal is inner
    assert journal.keeps
    journal.close(keep=False)


def test_an_interruption_while_deleted_files_are_looked_for(tmp_path, monkeypatch):
    """It is no trouble with the files: lines are journalled afterwards as before."""
    journal = Journal(str(tmp_path), name_prefix("logs"), "1-live")
    journal.append(0, b"{}\n", 0.0, lambda: 0)
    for path in tmp_path.iterdir():
        path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(type(journal._segments[0]), "make_anew", interrupted)
        with pytest.raises(TimeIsUpError):
            journal.look()
    assert journal.trouble is None
    journal.look()

    assert journal.take_deleted()
    assert list(tmp_path.iterdir())
    journal.close(keep=False)


def test_files_that_cannot_be_made_anew_are_trouble(tmp_path):
    """Where the folder itself is gone, lines are accepted and not journalled, and that is said."""
    folder = tmp_path / "journal"
    journal = Journal(str(folder), name_prefix("logs"), "1-live")
    journal.append(0, b"{}\n", 0.0, lambda: 0)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    journal.look()

    assert journal.trouble == "No such file or directory"
    journal.append(1, b"{}\n", 1.0, lambda: 0)
    journal.close(keep=False)


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path, capfd):
    """What stands there is a file: no journal, one sentence, and each line is accepted."""
    (tmp_path / "file").write_text("")
    journal = CrashJournal(str(tmp_path / "file" / "journal"), "logs")
    keep(journal)
    keep(journal, 1)

    assert not journal.keeps
    assert capfd.readouterr().err.count("no crash journal") == 1


def test_lines_in_a_burst_need_no_look(tmp_path, monkeypatch):
    """Once a moment's looks are made, a line is written and nothing else is done."""
    journal = CrashJournal(str(tmp_path), "logs")
    for index in range(journal_files.LOOKS + 1):
        journal.append(index, b"{}\n", 0.0, lambda: 0, lambda: (0, 0))
    monkeypatch.setattr(journal._journal, "append", interrupted)
    journal.append(20, b'{"n":20}\n', 0.0, lambda: 0, lambda: (0, 0))

    assert b'{"n":20}' in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    journal.close(keep=False)
