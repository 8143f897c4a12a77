"""The journal leaves room in a small /tmp."""

from __future__ import annotations

from local_firehose import Fault

LINES = None
TOLD = True
SAME_ANSWERS = SAME_OUTPUT = False
#: Bytes of the file system under /tmp.
TMP_BYTES = 1_000_000


def drive(run, events):
    """Firehose refuses all the time."""
    run.firehose.faults.set(Fault.unavailable())
    for event in events:
        run.invoke(event, rest=False)
    run.firehose.faults.clear()
    run.env.wait_idle()
    run.shutdown()


def check(seen):
    """The function's own file was written."""
    assert [answer.payload for answer in seen.run.answers] == [None, None]
