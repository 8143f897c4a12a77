from __future__ import annotations

import pytest

from firehose_logging._delivery.ledger import Ledger
from firehose_logging.errors import BUFFER_FULL, LOSS_REASONS, REFUSED, UNENCODABLE


def lose(ledger: Ledger, reason: str, lines: int) -> None:
    """Count a loss as the batcher does."""
    ledger.lost[reason] = ledger.losing(reason, lines)


def test_every_line_ends_once():
    """Accepted is delivered, lost and pending together, and the books can fail to balance."""
    ledger = Ledger()
    ledger.accepted = 5
    ledger.delivered = 2
    lose(ledger, REFUSED, 1)

    assert ledger.balances(2)
    assert not ledger.balances(1)
    assert not ledger.balances(3)


def test_loss_needs_a_known_reason():
    """A reason that is not in the vocabulary is a defect, and the message names the vocabulary."""
    ledger = Ledger()

    with pytest.raises(ValueError, match="unknown loss reason 'gone'; one of buffer_full, refused"):
        ledger.losing("gone", 1)
    assert ledger.lost == {}


def test_losses_are_told_once():
    """Untold losses are handed out once; later ones again, totals stay."""
    ledger = Ledger()
    lose(ledger, BUFFER_FULL, 2)
    lose(ledger, BUFFER_FULL, 1)
    lose(ledger, UNENCODABLE, 1)

    assert ledger.take_untold() == {BUFFER_FULL: 3, UNENCODABLE: 1}
    assert ledger.take_untold() == {}
    lose(ledger, REFUSED, 4)
    assert ledger.take_untold() == {REFUSED: 4}
    assert ledger.lost_lines == 8


def test_what_was_told_in_vain_is_untold_again():
    """When the line that told losses is itself lost, they are to be told with the next."""
    ledger = Ledger()
    lose(ledger, BUFFER_FULL, 2)
    told = ledger.take_untold()
    lose(ledger, BUFFER_FULL, 1)
    ledger.tell_again(told)

    assert ledger.untold == {BUFFER_FULL: 3}


def test_vocabulary_of_reasons():
    """The reasons are short words; documentation and alarms rely on them."""
    assert LOSS_REASONS == ("buffer_full", "refused", "unencodable", "bad_telemetry")


def test_repr_counts():
    """The repr says how it stands."""
    ledger = Ledger()
    ledger.accepted = 3
    lose(ledger, REFUSED, 1)

    assert repr(ledger) == "<Ledger accepted=3 delivered=0 lost={'refused': 1}>"
