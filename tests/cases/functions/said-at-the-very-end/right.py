"""Prints of finalizers, after the last flush, reach the runtime's own output as without us."""

from __future__ import annotations

from support.cases import printed

FAILS = "Python 3.12 starts no thread once the end has begun: the next process may send lines again"
SOMETIMES, FAILS_ON = True, ("3.12",)
LINES = [printed("in the handler", during=during) for during in (1, 2)]
SAME_OUTPUT = False  # without the layer, the second environment is killed: nothing is said


def drive(run, events):
    """The second invocation is the last: the process leaves by itself."""
    for event in events:
        run.invoke(event)


def check(seen):
    """All that finalizers said is there."""
    for run in (seen.run, seen.without):
        output = "\n".join(run.output["stdout"])
        assert output.count("generator closed") == 2, output
        assert output.count("connection closed") == 1, output
