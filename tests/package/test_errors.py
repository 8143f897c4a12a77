"""Errors and loss reasons: what people may catch, and what the columns hold."""

from __future__ import annotations

import pickle

import pytest

from firehose_logging import errors
from firehose_logging._delivery.ledger import Ledger
from firehose_logging.errors import DIVERTED, LOSS_REASONS, FirehoseLoggingError, SettingsError


def test_one_base():
    """Who catches the base catches all of ours; a wrong setting is a ValueError too."""
    assert issubclass(SettingsError, FirehoseLoggingError)
    assert issubclass(SettingsError, ValueError)
    assert str(pickle.loads(pickle.dumps(SettingsError("interval=0")))) == "interval=0"


def test_every_reason_has_a_name():
    """Each constant of a reason is in the tuple, and none twice; diverted is no loss."""
    names = {
        value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str)
    }

    assert names == {*LOSS_REASONS, DIVERTED}
    assert len(LOSS_REASONS) == len(set(LOSS_REASONS))
    assert DIVERTED not in LOSS_REASONS


@pytest.mark.parametrize("reason", LOSS_REASONS)
def test_the_ledger_knows_each(reason):
    """A ledger has a place for each reason."""
    assert isinstance(Ledger().lost.get(reason, 0), int)
