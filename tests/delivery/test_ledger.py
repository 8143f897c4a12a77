from __future__ import annotations

import pytest

from firehose_logging._delivery.ledger import Ledger
from firehose_logging.errors import BUFFER_FULL, LOSS_REASONS, REFUSED, UNENCODABLE


def test_every_line_ends_once():
    """Accepted is delivered, lost and pending together, and the books can fail to balance."""
    ledger = Ledger()
    ledger.accept(5)
    ledger.deliver(2, 100, 5_120)
    ledger.lose(REFUSED, 1)

    assert ledger.balances(2)
    assert not ledger.balances(1)
    assert not ledger.balances(3)
    assert (ledger.delivered_bytes, ledger.billed_bytes) == (100, 5_120)


def test_loss_needs_a_known_reason():
    """A reason that is not in the vocabulary is a defect, and the message names the vocabulary."""
    ledger = Ledger()

    with pytest.raises(ValueError, match="unknown loss reason 'gone'; one of buffer_full, refused"):
        ledger.lose("gone", 1)
    assert ledger.lost == {}


def test_losses_are_told_once():
    """Untold losses are handed out once; later ones again, totals stay."""
    ledger = Ledger()
    ledger.lose(BUFFER_FULL, 2)
    ledger.lose(BUFFER_FULL, 1)
    ledger.lose(UNENCODABLE, 1)

    assert ledger.take_untold() == {BUFFER_FULL: 3, UNENCODABLE: 1}
    assert ledger.take_untold() == {}
    ledger.lose(REFUSED, 4)
    assert ledger.take_untold() == {REFUSED: 4}
    assert ledger.lost_lines == 8


def test_losing_nothing_leaves_no_trace():
    """Zero lines lost is no loss to tell."""
    ledger = Ledger()
    ledger.lose(REFUSED, 0)

    assert ledger.lost == ledger.take_untold() == {}


def test_vocabulary_of_reasons():
    """The reasons are short words; documentation and alarms rely on them."""
    assert LOSS_REASONS == ("buffer_full", "refused", "unencodable", "bad_telemetry")


def test_repr_counts():
    """The repr says how it stands."""
    ledger = Ledger()
    ledger.accept(3)
    ledger.lose(REFUSED, 1)

    assert repr(ledger) == "<Ledger accepted=3 delivered=0 lost={'refused': 1}>"
