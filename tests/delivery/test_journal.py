from __future__ import annotations

import pytest

from firehose_logging import _diagnostics
from firehose_logging._delivery.journal import CrashJournal


@pytest.fixture(autouse=True)
def said():
    """Nothing has been told before."""
    _diagnostics.forget()


def keep(journal: CrashJournal, index: int = 0) -> None:
    """Keep a line."""
    journal.append(index, b"{}\n", 0.0, lambda: 0, lambda: (0, 0))


def test_no_folder_no_journal():
    """Where none is wanted, nothing happens."""
    journal = CrashJournal(None, "logs")
    keep(journal)

    assert not journal.wanted
    assert list(journal.recover()) == []
    journal.close(keep=False)


def test_opened_at_the_first_line(tmp_path):
    """A process that logs nothing leaves nothing in the folder."""
    journal = CrashJournal(str(tmp_path), "logs")
    assert not list(tmp_path.iterdir())
    keep(journal)
    assert list(tmp_path.iterdir())
    journal.close(keep=False)


def test_a_journal_that_breaks_costs_itself_and_is_told_once(tmp_path, capfd, monkeypatch):
    """The line is what matters: nothing is raised."""
    journal = CrashJournal(str(tmp_path), "logs")
    keep(journal)
    inner = journal._journal

    def broken(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(inner, "append", broken)
    # An error of ours has our frame as its innermost one.
    monkeypatch.setitem(broken.__globals__, "__name__", "firehose_logging.broken")
    keep(journal)
    keep(journal)

    assert capfd.readouterr().err.count("no crash journal (OSError: gone)") == 1
    inner.close(keep=False)


@pytest.mark.parametrize("error", [TimeoutError, RecursionError, KeyError])
def test_an_exception_of_the_functions_own_passes(tmp_path, monkeypatch, error):
    """What a signal handler raises goes where it was meant to go, and the journal goes on."""
    journal = CrashJournal(str(tmp_path), "logs")
    keep(journal)
    inner = journal._journal

    def interrupted(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(inner, "append", interrupted)
        with pytest.raises(error):
            keep(journal)
    assert journal._journal is inner
    journal.close(keep=False)
