"""Events out of POST bodies, as they should be and as they have been seen."""

from __future__ import annotations

import json

import pytest

from firehose_logging._extension import telemetry_batch
from firehose_logging._extension.telemetry_batch import REMEMBERED, BatchReader


def event(number, record="text"):
    """An event as the platform posts it."""
    return {"time": f"2026-01-01T00:00:00.{number:03}Z", "type": "function", "record": record}


def post(*events):
    """A body with these events."""
    return json.dumps(events).encode()


@pytest.fixture
def reader():
    """A reader that has read nothing."""
    return BatchReader()


def test_a_batch(reader):
    """A sound body gives its events, in order."""
    assert reader.read(post(event(1), event(2))) == ([event(1), event(2)], 0)
    assert reader.rest() == ([], 0)


def test_one_event_alone(reader):
    """A body that is one object is one event."""
    assert reader.read(json.dumps(event(1)).encode()) == ([event(1)], 0)


def test_a_body_that_comes_again(reader):
    """A POST whose answer got lost comes again, and its events are not taken twice."""
    assert reader.read(post(event(1)))[0]
    assert reader.read(post(event(2)))[0]
    assert reader.read(post(event(1))) == ([], 0)


def test_only_the_last_bodies_are_remembered(reader):
    """Memory is bounded: after some others a body counts as new."""
    first = post(event(0))
    reader.read(first)
    for number in range(1, REMEMBERED + 1):
        reader.read(post(event(number)))

    assert reader.read(first) == ([event(0)], 0)


def test_an_event_that_is_no_json(reader):
    """One broken event costs itself and none of its neighbours."""
    broken = b'{"time": "2026-01-01T00:00:00.002Z", "type": "function", "record": {"a": tru}}'
    body = b"[" + post(event(1))[1:-1] + b"," + broken + b"," + post(event(3))[1:-1] + b"]"

    assert reader.read(body) == ([event(1), event(3)], 1)


def test_bytes_without_any_event(reader):
    """A body in which nothing can be found is one loss."""
    assert reader.read(b"<html>") == ([], 1)
    assert reader.read(b"\xff\xfe") == ([], 1)


def test_a_nest_too_deep_is_a_loss(reader):
    """A record that is nested past what can be read is counted, and nothing raises."""
    body = b'[{"time":"x","record":' + b"[" * 200_000 + b"]" * 200_000 + b"}]"

    events, bad = reader.read(body)
    assert (events, bad) == ([], 1)


def cut(number, text):
    """An event without its end, as a subscription's ``maxBytes`` cuts it."""
    return f'{{"time":"2026-01-01T00:00:00.{number:03}Z","type":"function","record":"{text}'


def test_a_cut_event_goes_on_in_the_next_body(reader):
    """The second half repeats the envelope; together they are one event."""
    assert reader.read(f"[{cut(1, 'one and ')}".encode()) == ([], 0)
    events, bad = reader.read(f'[{cut(1, "two")}"}}]'.encode())

    assert ([e["record"] for e in events], bad) == (["one and two"], 0)


def test_a_second_half_without_brackets(reader):
    """The next body may be the bare rest of the event."""
    reader.read(f"[{cut(1, 'one and ')}".encode())
    events, bad = reader.read(f'{cut(1, "two")}"}}'.encode())

    assert ([e["record"] for e in events], bad) == (["one and two"], 0)


def test_a_cut_event_whose_end_never_comes(reader):
    """Text that is cut is better than text that is lost."""
    reader.read(f"[{cut(1, 'only the begin')}".encode())
    events, bad = reader.read(post(event(2)))

    assert ([e["record"] for e in events], bad) == (["only the begin", "text"], 0)
    reader.read(f"[{cut(3, 'again')}".encode())
    assert [e["record"] for e in reader.rest()[0]] == ["again"]
    assert reader.rest() == ([], 0)


def test_a_cut_in_the_middle_of_an_escape(reader):
    """A cut may fall into an escape; what is before it is kept."""
    reader.read(f"[{cut(1, 'a')}\\u00e".encode())

    assert [e["record"] for e in reader.rest()[0]] == ["a"]


def test_a_cut_object(reader):
    """A cut in a text within an object closes as text alone can; the object cannot be read."""
    body = '[{"time":"2026-01-01T00:00:00.001Z","record":{"message":"cut'

    assert reader.read(body.encode()) == ([], 1)


def test_a_fragment_is_bounded(reader, monkeypatch):
    """No end of a cut event is waited for that takes more memory than allowed."""
    monkeypatch.setattr(telemetry_batch, "MAX_FRAGMENT", 100)

    assert reader.read(f"[{cut(1, 'x' * 200)}".encode()) == ([], 1)
    assert reader.rest() == ([], 0)
