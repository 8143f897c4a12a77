from __future__ import annotations

import functools

import pytest

from faults import kill, matrix
from faults.cell import BESIDES, Cell, bare_answers, run
from faults.ends import FROZEN, HUNG
from faults.matrix import sample, told
from support.e2e_lambda import layer

pytestmark = pytest.mark.e2e

#: SIGKILLs here; `make faults` has hundreds.
KILLS = 40

bare = functools.cache(bare_answers)


@pytest.mark.parametrize("cell", sample(), ids=str)
def test_every_line_is_accounted_for(cell: Cell) -> None:
    """A fault, a policy and an end: no line unexplained, no answer changed."""
    outcome = run(cell, layer(), bare())

    assert outcome.good, told(outcome)
    assert outcome.account.logged
    if cell.besides in ("undelivered", "no journal"):
        assert outcome.account.diverted
    if cell.form != "stays":
        assert outcome.account.missing == 0


def test_what_stays_is_told() -> None:
    """A full buffer is told on stderr at once, and in the log stream when the stream is back."""
    outcome = run(Cell("throttled", "stays", "end", "SIGKILL"), layer())

    assert outcome.account.missing
    assert outcome.account.told["buffer_full"] >= outcome.account.missing
    assert outcome.account.unexplained == 0


def test_sigkill_at_random_moments() -> None:
    """Whenever a process is killed, the next one delivers all that was accepted."""
    result = kill.run(layer(), KILLS)

    assert result.good, str(result)
    assert result.account.logged > KILLS
    assert result.account.gaps == 0


def test_the_whole_matrix_meets_every_pair() -> None:
    """Every fault has every form, policy and transport; every end has every form and policy."""
    cells = [cell for cell in matrix.cells() if not cell.besides]

    assert {(c.trouble, c.form, c.policy) for c in cells if c.transport == "auto"} == {
        (t, f, p) for t in matrix.TROUBLES for f in matrix.FORMS for p in matrix.POLICIES
    }
    assert {(c.trouble, c.form) for c in cells if c.transport == "boto3"} == {
        (t, f) for t in matrix.TROUBLES for f in matrix.FORMS
    }
    assert {(c.end, c.form, c.policy) for c in cells} == {
        (e, f, p) for e in matrix.ENDS for f in matrix.FORMS for p in matrix.POLICIES
    } | {(e, "passes", p) for e in (HUNG, FROZEN) for p in matrix.POLICIES}
    assert {cell.besides for cell in matrix.others()} == {"", *BESIDES}
