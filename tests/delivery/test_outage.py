from __future__ import annotations

from firehose_logging._delivery.outage import TELL_EVERY, Outage


def test_each_error_is_told_once_an_outage():
    """The same error is not told again, another one of the same outage is."""
    outage = Outage()
    outage.begin(100.0)

    assert outage.tells("Timeout", 100.0)
    assert not outage.tells("Timeout", 101.0)
    assert outage.tells("AccessDeniedException", 102.0)


def test_it_lasts_from_the_first_failure():
    """Its length is counted from the first call that failed, and it ends once."""
    outage = Outage()
    outage.begin(100.0)
    outage.begin(105.0)
    outage.tells("Timeout", 105.0)

    assert outage.end(112.0) == 12.0
    assert outage.end(113.0) is None


def test_what_was_not_told_does_not_end_aloud():
    """Without a word at the beginning there is none at the end."""
    outage = Outage()
    outage.begin(100.0)

    assert outage.end(101.0) is None


def test_a_stream_that_comes_and_goes_is_told_once_a_minute():
    """Outages that follow each other closely do not fill the stream with news of themselves."""
    outage = Outage()
    told = 0
    for second in range(0, 600, 10):
        outage.begin(float(second))
        told += outage.tells("Timeout", float(second))
        outage.end(second + 5.0)

    assert told == 600 / TELL_EVERY
