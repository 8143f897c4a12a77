"""Fuzz target: the bodies of telemetry POSTs."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from faults.targets.target import Target
from firehose_logging._environment import Environment
from firehose_logging._extension.telemetry import TelemetryReader
from firehose_logging._extension.telemetry_batch import MAX_FRAGMENT
from firehose_logging._limits import MAX_RECORD_BYTES
from firehose_logging._line.context import Context
from firehose_logging._line.line import finish

json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
        st.sampled_from(("2022-10-12T00:03:50.000Z", "platform.start", "success", "\ud800")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(("requestId", "status", "level")), st.text(max_size=5)),
            inner, max_size=3,
        ),
    ),
    max_leaves=8,
)  # fmt: skip
events = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {
            "time": st.one_of(
                json_values, st.sampled_from(("2022-10-12T00:03:50.000Z", "yesterday", ""))
            ),
            "type": st.one_of(
                json_values,
                st.sampled_from(
                    ("function", "extension", "platform.start", "platform.runtimeDone",
                     "platform.logsDropped", "platform.brandNew", "")
                ),
            ),
            "record": json_values,
        },
        optional={"more": json_values},
    ),
)  # fmt: skip
batches = st.lists(events, max_size=4).map(lambda batch: json.dumps(batch).encode())


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A batch with a piece cut out, put in twice, or replaced."""
    body = draw(batches)
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, len(body)))
    middle = draw(st.one_of(st.just(b""), st.binary(max_size=6), st.just(body[start:end] * 2)))
    return body[:start] + middle + body[end:]


posts = st.lists(
    st.one_of(batches, damaged(), damaged(), st.binary(max_size=40), st.just(b"[" * 5_000)),
    min_size=1, max_size=4,
)  # fmt: skip


def read(bodies: list[bytes]) -> None:
    """Every body gives whole JSON lines, request ids that are text, and a count; never an error."""
    reader = TelemetryReader(Context(Environment({})))
    for number, body in enumerate(bodies):
        lines, done, bad = reader.read(body, 1_000_000_000.0)
        _check(lines, done, bad)
        assert len(reader._batches._fragment) <= MAX_FRAGMENT
        if number and body in bodies[:number]:
            assert not lines  # a POST that came again
            assert not bad
    _check(*reader.rest(1_000_000_000.0))
    assert not reader._batches._fragment


def _check(lines: list[str], done: list[str], bad: int) -> None:
    assert bad >= 0
    assert all(type(request_id) is str and request_id for request_id in done)
    for body in lines:
        line = finish(body, 1)
        assert len(line) <= MAX_RECORD_BYTES
        assert line.count(b"\n") == 1
        parsed = json.loads(line)
        assert type(parsed["type"]) is str
        assert parsed["timestamp"].endswith("Z")


def lose_one(given: tuple[int, int, str]) -> None:
    """An event that is no JSON costs itself: it is counted, and all others arrive."""
    count, where, garbage = given
    events = [
        json.dumps({"time": "2022-10-12T00:03:50.000Z", "type": "function", "record": f"no. {n}"})
        for n in range(count)
    ]
    events.insert(where % (count + 1), '{"time":"2022-10-12T00:03:50.000Z",' + garbage)
    reader = TelemetryReader(Context(Environment({})))
    lines, _, bad = reader.read(f"[{','.join(events)}]".encode(), 1_000_000_000.0)
    rest, _, more = reader.rest(1_000_000_000.0)
    arrived = {json.loads(body + "}").get("message") for body in lines}

    assert arrived >= {f"no. {n}" for n in range(count)}
    assert bad + more + len(rest) >= 1


broken = st.tuples(
    st.integers(0, 6), st.integers(0, 6),
    st.sampled_from(
        ('"type":"function","record":tru}', '"type":}', '"record":{"a":01}}', "}", ",")
    ),
)  # fmt: skip

TARGETS = [
    Target("telemetry batches", posts, read),
    Target("telemetry, one event is no JSON", broken, lose_one),
]
