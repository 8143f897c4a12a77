"""A handful of descriptors, whatever waits in the journal; and a buffer that the memory bears."""

from __future__ import annotations

from local_firehose import Fault
from tools.waiting import wait_until

LINES = None
AT_LEAST_ONCE = True
SAME_ANSWERS = SAME_OUTPUT = False
TOLD = True
SLOW = True


def drive(run, events):
    """Firehose refuses for as long as the first invocation takes; the next one has all the time."""
    run.firehose.faults.set(Fault.unavailable())
    run.invoke(events[0], rest=False)
    run.firehose.faults.clear()
    # The service takes five megabytes a second; the loss is told behind what waited.
    wait_until(lambda: _told_lost(run), 60)
    run.shutdown()


def check(seen):
    """Far from the limit of 1,024."""
    assert seen.run.answers[0].payload < 64


def _told_lost(run):
    run.invoke({"lines": 0, "seconds": 1})
    return any("lost" in found for found in run.lines)
