from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firehose_logging._environment import Environment
from firehose_logging._extension.telemetry import TelemetryReader, rfc3339
from firehose_logging._limits import MAX_RECORD_BYTES
from firehose_logging._line.context import Context
from firehose_logging._line.line import finish
from tools.strategies import texts

NOW = 1_700_000_000.0
TIME = "2022-10-12T00:00:15.064Z"


@pytest.fixture
def reader():
    """A reader for the function "f"."""
    environ = {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST"}
    return TelemetryReader(Context(Environment(environ)))


def event(kind, record, time=TIME):
    """An event as the platform posts it."""
    return {"time": time, "type": kind, "record": record}


def post(reader, *events):
    """The lines, ended invocations and unreadable events of one POST."""
    bodies, done, bad = reader.read(json.dumps(events).encode(), NOW)
    return [json.loads(finish(body, 1)) for body in bodies], done, bad


def test_platform_event(reader):
    """A platform event keeps its payload; request id, time, type and level are columns."""
    report = {"requestId": "r-1", "status": "success", "metrics": {"durationMs": 1.5}}

    (line,), done, bad = post(reader, event("platform.report", report))

    assert {k: v for k, v in line.items() if k != "instanceId"} == {
        "timestamp": "2022-10-12T00:00:15.064000Z",
        "type": "platform.report",
        "level": "INFO",
        "logger": "platform",
        "requestId": "r-1",
        "functionName": "f",
        "functionVersion": "$LATEST",
        "record": report,
        "seq": 1,
    }
    assert (done, bad) == ([], 0)


@pytest.mark.parametrize(
    ("kind", "record", "level"),
    [
        ("platform.runtimeDone", {"status": "timeout"}, "ERROR"),
        ("platform.report", {"status": "error"}, "ERROR"),
        ("platform.initReport", {"status": "failure"}, "ERROR"),
        ("platform.report", {"status": "success"}, "INFO"),
        ("platform.logsDropped", {"droppedRecords": 3}, "ERROR"),
        ("platform.fault", "RequestId: x Process exited", "ERROR"),
        ("function", {"level": "WARN", "message": "x"}, "WARN"),
        ("extension", "text", "INFO"),
        ("platform.not-invented-yet", None, "INFO"),
    ],
)
def test_levels(reader, kind, record, level):
    """What went wrong on the platform is an error; a function's own level is kept."""
    (line,), _, bad = post(reader, event(kind, record))

    assert (line["level"], line["type"], bad) == (level, kind, 0)


def test_ended_invocations_are_told(reader):
    """Each runtimeDone event tells which invocation has ended, in order."""
    done = [event("platform.runtimeDone", {"requestId": r, "status": "success"}) for r in "ab"]

    assert post(reader, *done)[1] == ["a", "b"]


def test_function_text_belongs_to_the_started_invocation(reader):
    """Text of the function has no id of its own and gets the last started invocation's."""
    lines, _, _ = post(
        reader,
        event("function", "in Init\n"),
        event("platform.start", {"requestId": "r-1"}),
        event("function", "hello\n"),
        event("extension", "not the function's\n"),
        event("function", {"requestId": "own", "message": "m"}),
    )

    assert [line.get("requestId") for line in lines] == [None, "r-1", "r-1", None, "own"]
    assert [line.get("message") for line in lines] == [
        "in Init", None, "hello", "not the function's", None,
    ]  # fmt: skip


def test_concurrent_invocations_are_not_guessed():
    """On Managed Instances a text that names no invocation has none."""
    reader = TelemetryReader(Context(Environment({})), concurrent=True)
    lines, _, _ = post(
        reader,
        event("platform.start", {"requestId": "r-1"}),
        event("function", "which?"),
        event("function", '{"requestId": "r-2", "message": "m"}'),
    )

    assert [line.get("requestId") for line in lines] == ["r-1", None, "r-2"]


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (TIME, "2022-10-12T00:00:15.064000Z"),
        ("2022-10-12T00:00:15Z", "2022-10-12T00:00:15.000000Z"),
        ("2022-10-12T00:00:15.123456789Z", "2022-10-12T00:00:15.123456Z"),
        ("yesterday", "2023-11-14T22:13:20.000000Z"),
        ("2022-10-12 00:00:15Z", "2023-11-14T22:13:20.000000Z"),
        ("2022-10-12T00:00:15.06\u06604Z", "2023-11-14T22:13:20.000000Z"),
        ('2022-10-12T00:00:1"}Z', "2023-11-14T22:13:20.000000Z"),
        (None, "2023-11-14T22:13:20.000000Z"),
        (7, "2023-11-14T22:13:20.000000Z"),
    ],
)
def test_times(time, text):
    """Times have six digits of a second; what is no time becomes the present."""
    assert rfc3339(time, NOW) == text


def test_one_bad_event_costs_one_event(reader):
    """An event that is no JSON in a batch loses itself and is counted, never the batch."""
    good = json.dumps(event("function", "good"))
    body = f'[{good},{{"time":"{TIME}","type":"function","record":[WARN] raw}},{good}]'

    bodies, _, bad = reader.read(body.encode(), NOW)

    assert len(bodies) == 2
    assert bad == 1


@pytest.mark.parametrize("body", [b"", b"garbage", b"[", b"null", b"7", b'["text", 1, null]'])
def test_bodies_that_are_no_events(reader, body):
    """What is no event is counted and gives no line."""
    bodies, done, bad = reader.read(body, NOW)

    assert (bodies, done) == ([], [])
    assert bad >= 1


def test_batch_that_comes_twice(reader):
    """A POST whose answer got lost is posted again and read once."""
    body = json.dumps([event("function", "hello")]).encode()

    assert len(reader.read(body, NOW)[0]) == 1
    assert reader.read(body, NOW) == ([], [], 0)


def test_record_cut_between_two_posts(reader):
    """A record over the buffer's size arrives in two posts and is one line again."""
    text = "0123456789" * 100
    envelope = f'{{"time":"{TIME}","type":"function","record":'
    first = f'[{envelope}"{text[:500]}'.encode()
    second = f'{envelope}"{text[500:]}"}}]'.encode()

    before = reader.read(first, NOW)
    bodies, _, bad = reader.read(second, NOW)

    assert before == ([], [], 0)
    assert [json.loads(finish(body, 1))["message"] for body in bodies] == [text]
    assert bad == 0


def test_record_whose_rest_never_comes(reader):
    """A cut record is delivered as far as it came when nothing more will come."""
    reader.read(f'[{{"time":"{TIME}","type":"function","record":"half a li'.encode(), NOW)

    bodies, _, bad = reader.rest(NOW)

    assert [json.loads(finish(body, 1))["message"] for body in bodies] == ["half a li"]
    assert bad == 0
    assert reader.rest(NOW) == ([], [], 0)


def test_long_records_are_split(reader):
    """Text and objects over a record's size arrive in numbered parts."""
    lines, _, _ = post(reader, event("function", "x" * 2_000_000))
    parts, _, _ = post(reader, event("function", {"message": "y" * 2_000_000}))

    assert "".join(line["message"] for line in lines) == "x" * 2_000_000
    whole = json.loads("".join(part["message"] for part in parts))
    assert whole == {"message": "y" * 2_000_000}


@pytest.mark.parametrize("field", ["type", "requestId", "level"])
def test_endless_names(reader, field):
    """Names of megabytes from a hostile sender neither hang us nor make an illegal record."""
    huge = "n" * 1_500_000
    record = {"requestId": "r-1", "level": "INFO", field: huge}
    kind = huge if field == "type" else "function"

    bodies, _, _ = reader.read(json.dumps([event(kind, record)]).encode(), NOW)

    assert bodies
    assert max(len(finish(body, 1)) for body in bodies) <= MAX_RECORD_BYTES


events = st.fixed_dictionaries(
    {},
    optional={
        "time": st.one_of(texts, st.just(TIME), st.none()),
        "type": st.one_of(
            texts,
            st.sampled_from(("function", "platform.start", "platform.runtimeDone")),
            st.none(),
            st.integers(),
        ),
        "record": st.one_of(
            texts,
            st.dictionaries(
                st.sampled_from(("requestId", "level", "status", "x")), texts | st.none()
            ),
            st.lists(st.integers()),
            st.none(),
        ),
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(events | st.integers() | texts, max_size=5))
def test_any_events(batch):
    """Whatever comes: every object is one valid line, everything else is counted."""
    reader = TelemetryReader(Context(Environment({})))

    bodies, _, bad = reader.read(json.dumps(batch).encode(), NOW)

    assert len(bodies) == sum(isinstance(item, dict) for item in batch)
    assert bad == len(batch) - len(bodies)
    for body in bodies:
        assert json.loads(finish(body, 1))["seq"] == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_any_bytes(bodies):
    """Bytes that are no telemetry never raise."""
    reader = TelemetryReader(Context(Environment({})))
    for body in bodies:
        reader.read(body, NOW)
    reader.rest(NOW)


@pytest.mark.parametrize("form", ["text", "object"])
def test_what_we_wrote_ourselves_does_not_come_back(form):
    """A line that went to the function's own output is no new line of the function."""
    context = Context(Environment({}))
    ours = f'{{"message":"x","instanceId":"{context.instance_id}","seq":7}}'
    record = ours if form == "text" else json.loads(ours)

    lines, _, bad = post(TelemetryReader(context), event("function", record))

    assert (lines, bad) == ([], 0)
    lines, _, _ = post(TelemetryReader(context), event("function", "a line of the function\n"))
    assert [line["message"] for line in lines] == ["a line of the function"]


def test_an_event_that_is_no_object(reader):
    """Of a batch's events one that is none costs itself."""
    lines, done, bad = post(reader, 3, event("platform.start", {"requestId": "r-1"}), None)

    assert ([line["type"] for line in lines], done, bad) == (["platform.start"], [], 2)


def test_a_defect_costs_one_event(reader, monkeypatch):
    """What breaks while a line is made of an event is counted, and the others are lines."""
    made, calls = reader._bodies, []

    def bodies(given, now):
        calls.append(given)
        return made(given, now) if len(calls) > 1 else 1 / 0

    monkeypatch.setattr(reader, "_bodies", bodies)
    lines, _, bad = post(reader, event("a", {}), event("b", {}))

    assert ([line["type"] for line in lines], bad) == (["b"], 1)
