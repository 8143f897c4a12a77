"""Loss reasons: what the columns hold."""

from __future__ import annotations

import pytest

from firehose_logging import _reasons
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._reasons import DIVERTED, LOSS_REASONS


def test_every_reason_has_a_name():
    """Each constant of a reason is in the tuple, and none twice; diverted is no loss."""
    names = {
        value for name, value in vars(_reasons).items() if name.isupper() and isinstance(value, str)
    }

    assert names == {*LOSS_REASONS, DIVERTED}
    assert len(LOSS_REASONS) == len(set(LOSS_REASONS))
    assert DIVERTED not in LOSS_REASONS


@pytest.mark.parametrize("reason", LOSS_REASONS)
def test_the_ledger_knows_each(reason):
    """A ledger has a place for each reason."""
    assert isinstance(Ledger().lost.get(reason, 0), int)
