"""Nothing of ours in /tmp that a function cannot remove; lines after it survive a kill."""

from __future__ import annotations

from support.cases import kill_before_delivery, printed

LINES = [printed("worked", during=during) for during in (1, 2, 3, 5)]
SAME_OUTPUT = False  # the fourth finds the runtime gone


def drive(run, events):
    """Kill the runtime before anything of the third invocation may have been delivered."""
    kill_before_delivery(run, [*events, {}, {}])
