"""The stand-ins that users' tests use: they do what the real ones do, as far as they go."""

from __future__ import annotations

from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging.testing import ManualClock, MemoryTransport


def test_stores_what_it_is_given():
    """Without a script every record is stored, and its lines can be read."""
    transport = MemoryTransport()
    outcome = transport.send([b'{"a":1}\n{"a":2}\n', bytearray(b'{"a":3}\n')], 1.0)

    assert outcome.codes == [None, None]
    assert [line["a"] for line in transport.lines()] == [1, 2, 3]
    assert len(transport.calls) == 1
    transport.close()


def test_outcomes_can_be_scripted():
    """Scripted outcomes come in order; records that they refuse are not stored."""
    transport = MemoryTransport(
        [CallOutcome(error="Throttled", message=""), CallOutcome([None, "InternalFailure"])]
    )
    records = [b'{"a":1}\n', b'{"a":2}\n']

    assert transport.send(records, 1.0).error == "Throttled"
    assert transport.send(records, 1.0).codes == [None, "InternalFailure"]
    assert transport.lines() == [{"a": 1}]
    assert transport.send(records[1:], 1.0).codes == [None]
    assert transport.lines() == [{"a": 1}, {"a": 2}]


def test_time_passes_when_told():
    """Both readings of a manual clock move together, and only when told."""
    clock = ManualClock(5.0)
    assert (clock.now(), clock.epoch()) == (5.0, 5.0)
    clock.advance(2.5)

    assert (clock.now(), clock.epoch()) == (7.5, 7.5)
