from __future__ import annotations

from firehose_logging._delivery.batch import Batcher
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._delivery.losses import Losses
from firehose_logging.errors import REFUSED, UNENCODABLE


def test_losses_are_told_by_one_line_at_a_time():
    """While a line that tells them is on its way, no other one is made."""
    batcher = Batcher(Ledger(), 1_000)
    losses = Losses(batcher)
    assert not losses.to_tell
    batcher.skip(2, UNENCODABLE)
    assert losses.to_tell

    text, untold = losses.tell(2)
    batcher.add(b"told\n", 0.0)
    assert text == "2 lines were lost: 2 unencodable"
    assert untold == {UNENCODABLE: 2}
    batcher.skip(1, REFUSED)
    assert not losses.to_tell
    losses.stored(batcher.take())
    assert losses.to_tell


def test_a_telling_line_that_is_lost_is_no_telling():
    """What it told is to be told again."""
    batcher = Batcher(Ledger(), 1_000)
    losses = Losses(batcher)
    batcher.skip(1, UNENCODABLE)
    losses.tell(1)
    losses.check()  # not in the batcher yet
    batcher.add(b"told\n", 0.0)
    losses.check()
    assert batcher.ledger.untold == {}

    batcher.lose(batcher.take(), REFUSED)
    losses.check()
    assert batcher.ledger.untold == {UNENCODABLE: 1, REFUSED: 1}


def test_what_no_stored_line_tells():
    """Told by a line on its way is not told yet, where a kill may take that line."""
    batcher = Batcher(Ledger(), 1_000)
    losses = Losses(batcher)
    batcher.skip(1, UNENCODABLE)
    losses.tell(1)
    batcher.add(b"told\n", 0.0)
    batcher.skip(2, REFUSED)
    assert losses.not_stored() == {UNENCODABLE: 1, REFUSED: 2}

    losses.stored(batcher.take())
    assert losses.not_stored() == {REFUSED: 2}
