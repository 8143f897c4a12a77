"""A stream that never takes anything, and ``FIREHOSE_LOGGING_PASSTHROUGH=undelivered``.

Every line that was accepted must be found in the runtime's own output when the environment has
ended, once, whatever the policy and however its processes ended; but for SIGKILL and its like,
after which the next process of the environment finds it in the journal.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .catalogue import TROUBLES
from .cell import Cell, call, events
from .deployment import Deployment, built_layer
from .ends import ENDS, IN_INVOCATION
from .matrix import POLICIES, WORKERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NUMBER = re.compile(r"line (\d+)\b")

#: Each refuses in its own way: at once, for good, after a while, never.
REFUSALS = ("unavailable", "access denied", "refused", "never answers")

#: Ends after which a line may have been written although nobody could note that.
WITHOUT_A_WORD = ("os._exit", "SIGKILL", "segfault")


@dataclass
class Undelivered:
    """What was found in the runtime's output.

    Args:
        cell: what was run.
        logged: lines whose log call had returned.
        found: those of them that are in the runtime's output.
        repeated: copies too many there.
        broken: events there that hold a part of a line.
    """

    cell: Cell
    logged: int = 0
    found: int = 0
    repeated: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every line is there, whole and once; after a kill, at least once."""
        once = not self.repeated or self.cell.end in WITHOUT_A_WORD
        # Killed while it writes, a process leaves a part of what is then written whole.
        whole = not self.broken or self.cell.end in WITHOUT_A_WORD
        return self.found == self.logged > 0 and once and whole


def cells() -> list[Cell]:
    """Every policy with every end, and each way to refuse in turn."""
    turn = itertools.cycle(REFUSALS)
    return [
        Cell(next(turn), "stays", policy, end) for policy, end in itertools.product(POLICIES, ENDS)
    ]


def run(cell: Cell, layer: Path) -> Undelivered:
    """Run a cell; the last of its processes ends by SIGTERM."""
    variables = {**cell.variables, "FIREHOSE_LOGGING_PASSTHROUGH": "undelivered"}
    trouble = TROUBLES[cell.trouble]
    with Deployment(layer, variables, tls=trouble.tls) as deployment:
        trouble.begin(deployment, "stays")
        with deployment.environment() as environment:
            for event in events(cell):
                call(environment, event)
            if cell.end in IN_INVOCATION:
                call(environment, {})  # the same environment goes on with a new process
            environment.shutdown()
            output = [event.text for event in environment.output]
        return _account(cell, deployment.accepted(), output)


def _account(cell: Cell, accepted: set[int], output: Sequence[str]) -> Undelivered:
    numbers: Counter[int] = Counter()
    broken = []
    for text in output:
        line = _line(text)
        if line is None:
            if "line " in text and "xxxx" in text:
                broken.append(text[:80])
            continue
        found = _NUMBER.match(str(line.get("message")))
        if line.get("logger") == "faults" and found:
            numbers[int(found[1])] += 1
    return Undelivered(
        cell,
        len(accepted),
        len(accepted & numbers.keys()),
        sum(count - 1 for count in numbers.values()),
        broken,
    )


def _line(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def run_all(chosen: Sequence[Cell]) -> list[Undelivered]:
    """Run cells side by side."""
    with built_layer() as layer, ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda cell: run(cell, layer), chosen))


def table(results: Sequence[Undelivered]) -> str:
    """The results in Markdown: a row for each end."""
    rows = [
        "| end | runs | accepted | found in the runtime's output | twice | in parts |\n"
        "|---|---:|---:|---:|---:|---:|\n"
    ]
    for end in ENDS:
        mine = [result for result in results if result.cell.end == end]
        if mine:
            rows.append(
                f"| {end} | {len(mine)} | {sum(r.logged for r in mine)} "
                f"| {sum(r.found for r in mine)} | {sum(r.repeated for r in mine)} "
                f"| {sum(len(r.broken) for r in mine)} |\n"
            )
    return "".join(rows)
