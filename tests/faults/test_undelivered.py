from __future__ import annotations

import pytest

from faults.cell import Cell
from faults.ends import ENDS
from faults.undelivered import cells, run, table
from support.e2e_lambda import layer

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "cell",
    [
        Cell("unavailable", "stays", "end", "SIGTERM idle"),
        Cell("never answers", "stays", "periodic", "timeout"),
        Cell("refused", "stays", "adaptive", "sys.exit"),
        Cell("access denied", "stays", "adaptive", "os._exit"),
    ],
    ids=str,
)
def test_what_firehose_never_takes_is_in_the_runtimes_output(cell: Cell) -> None:
    """Each accepted line is there whole and once when the environment has ended."""
    result = run(cell, layer())

    assert result.good, result
    assert str(result.logged) in table([result])


def test_the_whole_run_meets_every_end_under_every_policy() -> None:
    """SIGKILL too: the next process of the environment has them from the journal."""
    assert {cell.end for cell in cells()} == set(ENDS)
