"""Errors: what people may catch."""

from __future__ import annotations

import pickle

from firehose_logging import _reasons, errors
from firehose_logging.errors import FirehoseLoggingError, SettingsError


def test_one_base():
    """Who catches the base catches all of ours; a wrong setting is a ValueError too."""
    assert issubclass(SettingsError, FirehoseLoggingError)
    assert issubclass(SettingsError, ValueError)
    assert str(pickle.loads(pickle.dumps(SettingsError("interval=0")))) == "interval=0"


def test_reasons_are_there_too():
    """Who catches errors finds the reasons for losses beside them."""
    names = {name for name in vars(_reasons) if name.isupper()}

    assert names < set(errors.__all__)
    assert {name: getattr(errors, name) for name in names} == {
        name: getattr(_reasons, name) for name in names
    }
