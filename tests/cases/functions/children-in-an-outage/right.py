"""In an outage a child ends as quickly as without us; the parent delivers its line."""

from __future__ import annotations

from local_firehose import Fault
from support.cases import line

LINES = [line(f"child {n}", logger="user", during=during) for during in (1, 2) for n in range(3)]
SAME_ANSWERS = False  # how long it took: over five seconds it would have timed out
#: Refusals are told.
TOLD = True


def drive(run, events):
    """Firehose hangs while the children run, and is well again for the end."""
    run.firehose.faults.set(Fault.hang())
    run.invoke(events[0], rest=False)
    run.firehose.faults.set(Fault.unavailable())
    run.invoke(events[1], rest=False)
    run.firehose.faults.clear()
    run.env.wait_idle()
    run.shutdown()


def check(seen):
    """No invocation has timed out."""
    assert all(isinstance(answer.payload, float) for answer in seen.run.answers)
