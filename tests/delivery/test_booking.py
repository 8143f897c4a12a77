from __future__ import annotations

import pytest

from firehose_logging._delivery.batch import Batcher, Record
from firehose_logging._delivery.booking import TELL_AFTER, Booking, hint
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._delivery.losses import Losses
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging.errors import REFUSED

NOW = 100.0
THROTTLED = CallOutcome(error="ServiceUnavailableException", message="slow down", status=503)


class Books:
    """A batcher of one-line records and the booking of its calls."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.batcher = Batcher(self.ledger, 1_000_000, record_bytes=1)
        self.booking = Booking("logs", self.batcher, Losses(self.batcher), lambda: 1.0)

    def call(self, lines: int) -> list[Record]:
        """The records of a call with so many lines."""
        for number in range(lines):
            self.batcher.add(b"%d\n" % number, NOW)
        return self.batcher.take()


def test_each_record_has_its_own_end():
    """Stored ones are delivered, failed ones come again after a back-off."""
    books = Books()
    news = books.booking.book(books.call(3), CallOutcome([None, "InternalFailure", None]), NOW)

    assert (books.ledger.delivered, books.booking.stored, books.booking.failing) == (2, 2, True)
    assert books.batcher.pending_lines == 1
    assert books.booking.not_before > NOW
    assert news == []


def test_one_record_refused_for_good_is_lost():
    """Alone in its call it cannot be split; the loss is news."""
    books = Books()
    refused = CallOutcome(error="ValidationException", message="bad", status=400)
    (news,) = books.booking.book(books.call(1), refused, NOW)

    assert books.ledger.lost == {REFUSED: 1}
    assert news[0] == "lines_refused"
    assert "ValidationException bad; the lines are lost" in news[1]
    assert not books.booking.failing


def test_a_call_refused_for_what_is_in_it_is_halved():
    """Nothing is lost, and no back-off is due."""
    books = Books()
    books.booking.book(books.call(4), CallOutcome(error="413", status=413), NOW)

    assert books.booking.call_bytes == 4
    assert books.booking.not_before == 0.0
    assert len(books.batcher.take(books.booking.call_bytes)) == 2


def test_an_outage_is_news_after_some_calls():
    """A blip is not worth a line."""
    books = Books()
    records = books.call(1)
    told = []
    for _ in range(TELL_AFTER + 1):
        told.append(len(books.booking.book(records, THROTTLED, NOW)))
        records = books.batcher.take()

    assert told == [0] * (TELL_AFTER - 1) + [1, 0]


def test_an_outage_is_told_when_it_is_over_too():
    """How long it lasted and how many lines waited; a blip that was not told is not told then."""
    books = Books()
    records = books.call(3)
    for _ in range(TELL_AFTER):
        news = books.booking.book(records, THROTTLED, NOW)
        records = books.batcher.take()
    ((code, _, _),) = news
    ((over, text, _),) = books.booking.book(records, CallOutcome([None] * 3), NOW + 12)

    assert (code, over) == ("stream_failing", "stream_recovered")
    assert text == "stream logs takes lines again after 12 s; 3 lines waited"

    books.booking.book(books.call(1), THROTTLED, NOW + 100)
    assert books.booking.book(books.batcher.take(), CallOutcome([None]), NOW + 101) == []


def test_an_answer_with_too_few_results_is_none():
    """What does not match the call is not believed."""
    books = Books()
    books.booking.book(books.call(2), CallOutcome([None]), NOW)

    assert books.ledger.delivered == 0
    assert books.batcher.pending_lines == 2


def test_what_nobody_reports_on_comes_again():
    """A thread that died leaves its call to the next one."""
    books = Books()
    books.call(2)
    books.booking.abandoned(NOW)

    assert books.batcher.queued_bytes == 4
    assert books.booking.not_before > NOW


def test_a_call_that_is_given_up_makes_nobody_wait():
    """What it holds is queued again, and may go at once."""
    books = Books()
    books.booking.book(books.call(1), THROTTLED, NOW)
    books.batcher.take()
    books.booking.given_up()

    assert books.batcher.queued_bytes == 2
    assert books.booking.not_before == 0.0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ResourceNotFoundException", "check AWS_KINESIS_STREAM_NAME"),
        ("KMSAccessDeniedException", "encryption key"),
        ("AccessDeniedException", "firehose:PutRecordBatch"),
        ("NoRegion", "AWS_REGION"),
    ],
)
def test_hints_say_what_to_do(code, words):
    """Each refusal names its remedy."""
    assert words in hint(code)


@pytest.mark.parametrize("message", ["You must specify a region.", "You must specify a region"])
def test_a_refusal_is_one_sentence(message):
    """Error, its words without their own full stop, remedy."""
    books = Books()
    outcome = CallOutcome(error="NoRegion", message=message)
    ((_, text, _),) = books.booking.book(books.call(1), outcome, NOW)

    assert text == (
        "cannot deliver to stream logs: NoRegion You must specify a region; "
        "set credentials and AWS_REGION; lines are kept meanwhile"
    )
    ((_, text, _),) = books.booking.book(
        books.batcher.take(), CallOutcome(error="OptInRequired"), NOW
    )
    assert text.startswith("cannot deliver to stream logs: OptInRequired; the role needs")
