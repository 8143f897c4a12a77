"""The journal is made anew after /tmp was emptied; lines after it survive a kill."""

from __future__ import annotations

from support.cases import kill_before_delivery, printed

LINES = [printed(f"worked {n}", during=n) for n in (1, 2, 3, 5)]
#: What stands in /tmp is the answer; ours may be there again. The fourth finds the runtime gone.
SAME_ANSWERS = SAME_OUTPUT = False


def drive(run, events):
    """Kill the runtime before anything of the third invocation may have been delivered."""
    kill_before_delivery(run, [*events, {"n": 4}, {"n": 5}])


def check(seen):
    """Only files of ours are in /tmp."""
    for answer in (*seen.run.answers[:3], seen.run.answers[4]):
        assert all("firehose" in name for name in answer.payload)
