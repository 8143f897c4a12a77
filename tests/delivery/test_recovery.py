from __future__ import annotations

import json
import os

from firehose_logging._delivery.journal import name_prefix
from firehose_logging._delivery.journal_files import Journal
from firehose_logging._delivery.recovery import Recovery
from firehose_logging.errors import BUFFER_FULL
from firehose_logging.testing import ManualClock
from support.stage import backlog as make_backlog
from support.stage import own_body


def leave(folder, lines=3, lost=0, token="1-dead"):
    """What a process that is gone left behind."""
    dead = Journal(str(folder), name_prefix("logs"), token)
    for number in range(lines):
        dead.append(number, b'{"message":"%d","seq":%d}\n' % (number, number + 1), 0.0, lambda: 0)
    if lost:
        dead.keep_losses({BUFFER_FULL: lost})
    dead.close(keep=True)


def test_lines_and_losses_are_taken_over(tmp_path):
    """Lines keep their numbers; losses that nobody told are ours to tell; a line says so."""
    leave(tmp_path, lost=4)
    _, backlog = make_backlog(ManualClock(), journal_folder=str(tmp_path))
    Recovery(backlog, 1_000_000, lambda: False, own_body).run()

    counts = backlog.counts()
    lines = [json.loads(x) for r in backlog.batcher.take() for x in r.data.splitlines()]
    assert [line.get("seq") for line in lines] == [1, 2, 3, 1]
    assert lines[-1]["own"] == {"code": "lines_recovered", "recovered": 3}
    assert counts["lost"] == {BUFFER_FULL: 4}
    assert counts["balances"]
    backlog.close_journal()


def test_a_second_look_finds_nothing(tmp_path):
    """Lines and losses are taken over once."""
    leave(tmp_path, lost=4)
    _, backlog = make_backlog(ManualClock(), journal_folder=str(tmp_path))
    recovery = Recovery(backlog, 1_000_000, lambda: False, own_body)
    recovery.run()
    before = backlog.counts()
    recovery.run()

    assert backlog.counts() == before
    backlog.close_journal()


def test_no_faster_than_they_can_be_sent(tmp_path):
    """Where sending makes no room, what is not read stays in its file."""
    leave(tmp_path)
    _, backlog = make_backlog(ManualClock(), journal_folder=str(tmp_path))
    Recovery(backlog, 1, lambda: False, own_body).run()

    assert backlog.counts()["pending"] == 1
    backlog.close_journal()


def test_losses_are_noted_before_what_told_them_is_emptied(tmp_path):
    """Killed in the middle of it, the process that read them has handed them on."""
    leave(tmp_path, lost=4)
    leave(tmp_path, lines=9, token="2-dead")
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        os.utime(path, ns=(number, number))
    _, backlog = make_backlog(ManualClock(), journal_folder=str(tmp_path))
    recovery = Recovery(backlog, 1_000_000, lambda: False, own_body)
    for _ in range(5):  # into the second file
        recovery._take(recovery._peek())
    backlog.journal.close(keep=True)

    heir = Journal(str(tmp_path), name_prefix("logs"), "4-next")
    list(heir.recover())
    assert heir.found == {BUFFER_FULL: 4}
    heir.close(keep=False)
