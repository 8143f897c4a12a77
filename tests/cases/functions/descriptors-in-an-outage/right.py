"""A handful of descriptors, whatever waits in the journal."""

from __future__ import annotations

from local_firehose import Fault

FAILS = "two descriptors for each journal file"
LINES = None
SAME_ANSWERS = SAME_OUTPUT = False
TOLD = True
SLOW = True


def drive(run, events):
    """Firehose refuses all the time."""
    run.firehose.faults.set(Fault.unavailable())
    run.invoke(events[0], rest=False)
    run.firehose.faults.clear()
    run.env.wait_idle()
    run.shutdown()


def check(seen):
    """Far from the limit of 1,024."""
    assert seen.run.answers[0].payload < 64
