from __future__ import annotations

from types import SimpleNamespace

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


class Breaking:
    """A journal of which everything fails."""

    trouble = None
    quiet_until = 0.0
    found: dict[str, int] = {}  # noqa: RUF012
    passed_over = False

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getattr__(self, name: str):
        def fail(*_, **__):
            raise self._error

        return fail


ACTIONS = {
    "losses": lambda journal: journal.keep_losses({"refused": 1}),
    "forget": lambda journal: journal.forget(3),
    "look": lambda journal: journal.look(),
    "append": keep,
}


@pytest.mark.parametrize("action", ACTIONS)
def test_whatever_breaks_costs_the_journal_alone(tmp_path, capfd, action):
    """Each thing that is asked of a broken journal is told, and nothing is raised."""
    journal = CrashJournal(str(tmp_path), "logs")
    journal._journal = SimpleNamespace(trouble=None, quiet_until=0.0)  # type: ignore[assignment]
    ACTIONS[action](journal)

    assert not journal.keeps
    assert "no crash journal (AttributeError: " in capfd.readouterr().err


@pytest.mark.parametrize("action", ACTIONS)
def test_an_exception_of_the_functions_own_is_not_swallowed(tmp_path, action):
    """What a signal handler raises in the middle comes out, and the journal is kept."""
    journal = CrashJournal(str(tmp_path), "logs")
    journal._journal = Breaking(KeyboardInterrupt())  # type: ignore[assignment]

    with pytest.raises(KeyboardInterrupt):
        ACTIONS[action](journal)
    assert journal.keeps


def test_without_a_journal_there_is_nothing_to_do(tmp_path):
    """Before the first line nothing is opened by what is asked of it."""
    journal = CrashJournal(str(tmp_path / "not there"), "logs")
    for name in ("losses", "forget", "look"):
        ACTIONS[name](journal)
    journal.claim()

    assert not journal.take_deleted()
    assert not journal.passed_over
    assert list(tmp_path.iterdir()) == []


def test_trouble_is_told_when_lines_are_settled(tmp_path, capfd):
    """A journal that has no room is not silent about it."""
    journal = CrashJournal(str(tmp_path), "logs")
    keep(journal)
    journal._journal.trouble = "no room"
    journal.forget(0)

    assert "no crash journal (no room) for some lines" in capfd.readouterr().err
    journal.close(keep=False)
