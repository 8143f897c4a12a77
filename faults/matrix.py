"""Every fault in every form, under every policy and transport, with every end; and the table."""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from .account import Account
from .catalogue import FORMS, TROUBLES
from .cell import BESIDES, Cell, Outcome, bare_answers, run
from .deployment import built_layer
from .ends import ENDS, FROZEN, HUNG, IDLE, RAISE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

POLICIES = ("end", "periodic", "adaptive")

#: Environments at a time: most of a cell is waiting.
WORKERS = 4


def cells(ends_each: int = 2) -> list[Cell]:
    """What the whole matrix runs.

    Every fault x form x policy on the direct transport, with ``ends_each`` of the ends in turn, so
    that every fault meets every end and every policy meets every end in every form; every fault x
    form x end through boto3 would take an hour for code that differs in one file, so boto3 has
    every fault x form once.
    """
    made = []
    turn = itertools.cycle(ENDS)
    for trouble, form, policy in itertools.product(TROUBLES, FORMS, POLICIES):
        for _ in range(ends_each):
            made.append(Cell(trouble, form, policy, next(turn)))
    policies, turn = itertools.cycle(POLICIES), itertools.cycle(ENDS)
    for trouble, form in itertools.product(TROUBLES, FORMS):
        made.append(Cell(trouble, form, next(policies), next(turn), "boto3"))
    return made + others()


def others() -> list[Cell]:
    """What is not crossed with everything else: other ends, and what else may be so."""
    made = []
    turn = itertools.cycle(("unavailable", "never answers", "access denied", "throttled"))
    for policy in POLICIES:
        for end in (HUNG, FROZEN):
            made += [Cell(trouble, "passes", policy, end) for trouble in ("500", "refused")]
        for end in ENDS:
            made.append(Cell(next(turn), "stays", policy, end, besides="undelivered"))
            made.append(Cell(next(turn), "passes", policy, end, besides="tmp emptied"))
        for end in (IDLE, "timeout", "sys.exit", RAISE):
            made.append(Cell(next(turn), "stays", policy, end, besides="no journal"))
            made.append(Cell(next(turn), "passes", policy, end, besides="children"))
    return made


def sample() -> list[Cell]:
    """The short selection for the test suite: each kind of trouble, every form, policy and end."""
    return [
        Cell("unavailable", "stays", "end", "SIGKILL"),
        Cell("unavailable", "flaps", "periodic", "SIGTERM idle"),
        Cell("95 % fail", "flaps", "adaptive", "timeout"),
        Cell("reset, stored", "passes", "end", "raise"),
        Cell("no such host", "stays", "periodic", "os._exit"),
        Cell("refused", "stays", "adaptive", "segfault"),
        Cell("TLS not trusted", "flaps", "end", "sys.exit"),
        Cell("not JSON", "stays", "adaptive", "SIGTERM idle"),
        Cell("wrong counts", "flaps", "end", "segfault"),
        Cell("access denied", "stays", "periodic", "timeout"),
        Cell("black hole", "passes", "adaptive", "SIGKILL"),
        Cell("KMS", "stays", "end", "sys.exit", "boto3"),
        Cell("not JSON", "passes", "adaptive", "os._exit", "boto3"),
        Cell("500, stored", "flaps", "periodic", "raise", "boto3"),
        Cell("500", "passes", "end", HUNG),
        Cell("500", "passes", "periodic", FROZEN),
        Cell("throttled", "stays", "adaptive", "timeout", besides="undelivered"),
        Cell("unavailable", "passes", "end", "SIGKILL", besides="tmp emptied"),
        Cell("access denied", "stays", "periodic", "SIGTERM idle", besides="no journal"),
        Cell("never answers", "passes", "end", "SIGTERM idle", besides="children"),
    ]


def run_all(chosen: Sequence[Cell], layer: Path | None = None) -> list[Outcome]:
    """Run cells side by side and tell on the way."""
    if layer is None:
        with built_layer() as built:
            return run_all(chosen, built)
    bare = bare_answers()
    began, done = time.monotonic(), itertools.count(1)
    lock = threading.Lock()

    def one(cell: Cell) -> Outcome:
        try:
            outcome = run(cell, layer, bare)
        except Exception as error:  # noqa: BLE001 - one cell must not cost the others
            trace = traceback.extract_tb(error.__traceback__)[-1]
            outcome = Outcome(cell, problem=f"{type(error).__name__}: {error} ({trace.name})")
        with lock:
            number = next(done)
            if not outcome.good:
                print(f"  {cell}: {told(outcome)}", flush=True)
            if number % 25 == 0 or number == len(chosen):
                seconds = time.monotonic() - began
                print(f"  {number} of {len(chosen)} cells, {seconds:.0f} s", flush=True)
        return outcome

    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result() for future in as_completed([pool.submit(one, c) for c in chosen])]


def told(outcome: Outcome) -> str:
    """What is wrong with an outcome, in words."""
    account = outcome.account
    words = [outcome.problem] if outcome.problem else []
    if outcome.changed:
        words.append(f"{outcome.changed} answers changed")
    if account.unexplained:
        words.append(f"{account.unexplained} lines unexplained: {account}")
    return ", ".join(words) or "good"


HEAD = (
    "| | runs | logged | delivered | diverted | duplicates | lost and counted "
    "| in the journal at the end | taken over | unexplained | answers changed | hold, max ms |\n"
    "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|\n"
)


def table(outcomes: Iterable[Outcome]) -> str:
    """The outcomes in Markdown: a row for each fault and form, then by policy, end, transport."""
    found = list(outcomes)
    rows = []
    for trouble, form in itertools.product(TROUBLES, FORMS):
        mine = [
            o
            for o in found
            if (o.cell.trouble, o.cell.form) == (trouble, form) and not o.cell.besides
        ]
        rows.append(row(f"{trouble}, {form}", mine))
    parts = [HEAD + "".join(rows)]
    for title, field, values in (
        ("policy", "policy", POLICIES),
        ("end", "end", (*ENDS, HUNG, FROZEN)),
        ("besides", "besides", tuple(BESIDES)),
        ("transport", "transport", ("auto", "boto3")),
    ):
        by = [row(v, [o for o in found if getattr(o.cell, field) == v]) for v in values]
        parts.append(HEAD.replace("| |", f"| {title} |", 1) + "".join(by))
    parts.append(HEAD.replace("| |", "| all |", 1) + row("", found))
    return "\n".join(parts)


def row(title: str, outcomes: Sequence[Outcome]) -> str:
    """One row, summed over outcomes; none without any."""
    if not outcomes:
        return ""
    total = sum((o.account for o in outcomes), Account())
    reasons: Counter[str] = Counter(total.told)
    # A line that was dropped from memory may still come back from the journal.
    counted = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    lost = f"{total.missing} ({counted})" if counted else f"{total.missing}"
    cells_of_row = (
        title,
        len(outcomes),
        total.logged,
        total.delivered,
        total.diverted,
        total.repeated,
        lost,
        sum(o.kept for o in outcomes),
        sum(o.recovered for o in outcomes),
        sum(o.account.unexplained for o in outcomes),
        sum(o.changed for o in outcomes),
        f"{max(o.held for o in outcomes):.0f}",
    )
    return "| " + " | ".join(str(value) for value in cells_of_row) + " |\n"
