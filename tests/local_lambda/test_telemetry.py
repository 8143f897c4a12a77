"""The Telemetry API and the Logs API of the local Lambda: subscription rules and delivery."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from local_lambda.launcher import DirectLauncher
from local_lambda.sender import Destination
from local_lambda.subscription import Buffer, Buffering, Subscription
from local_lambda.telemetry import TelemetryEvent, render
from support.local_lambda_fixtures import LOGS, TELEMETRY, Listener, held_init, records
from tools.waiting import DEADLINE, wait_until


@pytest.fixture
def held(tmp_path):
    """An environment whose Init is held, to play the extension in it."""
    with held_init(tmp_path) as held:
        yield held


@pytest.fixture
def listener():
    """A listener that takes everything."""
    with Listener() as listener:
        yield listener


def finish_init(held, *identifiers: str) -> None:
    """Let every extension ask for next, and the runtime too."""
    for identifier in identifiers:
        held.next_in_thread(identifier)
    held.release()
    assert held.init.result(10).status == "success"


@pytest.mark.e2e
def test_subscription_is_answered_ok(held, listener):
    """A right subscription is 200 with the JSON text OK."""
    answer = held.api.subscribe(held.api.identifier(), listener.port)

    assert (answer.status, answer.body) == (200, "OK")


@pytest.mark.e2e
@pytest.mark.parametrize(
    "changes",
    [
        {"schemaVersion": None},
        {"schemaVersion": "2020-08-15"},
        {"types": None},
        {"types": []},
        {"types": ["platform", "other"]},
        {"destination": None},
        {"destination": {"protocol": "HTTPS", "URI": "http://sandbox:5000"}},
        {"destination": {"protocol": "HTTP"}},
        {"destination": {"protocol": "HTTP", "URI": "https://sandbox:5000"}},
        {"destination": {"protocol": "HTTP", "URI": "http://localhost:5000"}},
        {"destination": {"protocol": "HTTP", "URI": "http://127.0.0.1:5000"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox:9001"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox:99999"}},
        {"destination": {"protocol": "TCP", "port": "5000"}},
        {"buffering": []},
        {"buffering": {"maxItems": 999}},
        {"buffering": {"maxItems": 10_001}},
        {"buffering": {"maxItems": True}},
        {"buffering": {"maxBytes": 262_143}},
        {"buffering": {"maxBytes": 1_048_577}},
        {"buffering": {"timeoutMs": 24}},
        {"buffering": {"timeoutMs": 30_001}},
        {"buffering": {"timeoutMs": 25.5}},
    ],
)
def test_wrong_subscriptions_are_refused(held, changes):
    """Each broken rule is a 400 ValidationError."""
    answer = held.api.subscribe(held.api.identifier(), 5000, **changes)

    assert (answer.status, answer.error) == (400, "ValidationError")


@pytest.mark.e2e
@pytest.mark.parametrize(
    "buffering",
    [
        None,
        {},
        {"maxItems": 1_000, "maxBytes": 262_144, "timeoutMs": 25},
        {"maxItems": 10_000, "maxBytes": 1_048_576, "timeoutMs": 30_000},
    ],
)
def test_bounds_of_buffering_are_allowed(held, listener, buffering):
    """Smallest and largest buffering values are taken, and leaving them out is fine."""
    identifier = held.api.identifier()

    assert held.api.subscribe(identifier, listener.port, buffering=buffering).status == 200


@pytest.mark.e2e
def test_no_json_is_refused(held):
    """A body that is no JSON object is a ValidationError."""
    headers = {"Lambda-Extension-Identifier": held.api.identifier()}

    for body in (b"", b"{", b"[]"):
        answer = held.api.call("PUT", TELEMETRY, body, headers)
        assert (answer.status, answer.error) == (400, "ValidationError")


@pytest.mark.e2e
def test_subscribing_needs_a_registered_extension(held):
    """Without identifier, or with an unknown one, subscribing is a 403."""
    assert held.api.call("PUT", TELEMETRY, {}).error == "Extension.MissingExtensionIdentifier"
    unknown = "00000000-0000-0000-0000-000000000000"
    assert held.api.subscribe(unknown, 5000).error == "Extension.UnknownExtensionIdentifier"


@pytest.mark.e2e
@pytest.mark.parametrize(("path", "prefix"), [(TELEMETRY, "Telemetry"), (LOGS, "Logs")])
def test_subscriptions_close_with_init(held, listener, path, prefix):
    """After Init both APIs refuse subscriptions."""
    identifier = held.api.identifier()
    finish_init(held, identifier)

    answer = held.api.subscribe(identifier, listener.port, path)

    assert (403, f"{prefix}.SubscriptionClosed") == (answer.status, answer.error)


@pytest.mark.e2e
@pytest.mark.parametrize(("first", "second"), [(TELEMETRY, LOGS), (LOGS, TELEMETRY)])
def test_one_api_for_each_extension(held, listener, first, second):
    """Who subscribed through one API cannot use the other."""
    identifier = held.api.identifier()
    held.api.subscribe(identifier, listener.port, first)

    assert held.api.subscribe(identifier, listener.port, second).status == 400


@pytest.mark.e2e
def test_logs_subscription_may_be_repeated(held, listener):
    """The Logs API is idempotent; the Telemetry API is not."""
    one, two = held.api.identifier("one"), held.api.identifier("two")

    assert [held.api.subscribe(one, listener.port, LOGS).status for _ in range(2)] == [200, 200]
    assert [held.api.subscribe(two, listener.port).status for _ in range(2)] == [200, 500]


@pytest.mark.e2e
def test_events_come_in_order_and_init_is_replayed(held, listener):
    """A subscriber gets what happened before it, then each event of init and invocation."""
    identifier = held.api.identifier("one", "INVOKE")
    held.api.subscribe(identifier, listener.port)
    finish_init(held, identifier)
    result = held.env.invoke({"print": "from the function"})
    held.next_in_thread(identifier)
    assert held.env.wait_idle()
    held.env.thaw()
    listener.wait_for("platform.report")

    assert listener.types() == [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.runtimeDone",
        "platform.report",
    ]
    by_type = {event["type"]: event["record"] for event in listener.events}
    assert by_type["function"] == "from the function"
    assert (
        by_type["platform.telemetrySubscription"]["name"],
        by_type["platform.telemetrySubscription"]["state"],
    ) == ("one", "Subscribed")
    assert by_type["platform.extension"] == {"name": "one", "state": "Ready", "events": ["INVOKE"]}
    for kind in ("platform.start", "platform.runtimeDone", "platform.report"):
        assert result.request_id == by_type[kind]["requestId"]
    assert by_type["platform.report"]["status"] == "success"
    assert {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB"} <= set(
        by_type["platform.report"]["metrics"]
    )
    assert "initDurationMs" in by_type["platform.report"]["metrics"]
    assert [span["name"] for span in by_type["platform.runtimeDone"]["spans"]] == [
        "responseLatency",
        "responseDuration",
        "runtimeOverhead",
    ]
    assert {("POST", "/in")} == set(listener.requests)


@pytest.mark.e2e
def test_only_chosen_types_are_sent(held, listener):
    """A subscription to function gets neither platform nor extension events."""
    identifier = held.api.identifier("one")
    held.api.subscribe(identifier, listener.port, types=["function"])
    finish_init(held, identifier)
    held.env.invoke({"print": "a line"})
    held.env.thaw()
    listener.wait_for("function")
    held.env.shutdown()

    assert {"function"} == set(listener.types())


@pytest.mark.e2e
def test_logs_api_has_its_own_events(held, listener):
    """The Logs API knows platform.end and runtimeDone, but nothing of init; PUT is possible."""
    identifier = held.api.identifier("one")
    destination = {"protocol": "HTTP", "URI": f"http://sandbox:{listener.port}", "method": "PUT"}
    held.api.subscribe(identifier, listener.port, LOGS, destination=destination)
    finish_init(held, identifier)
    held.env.invoke({"print": "a line"})
    held.env.thaw()
    listener.wait_for("platform.report")

    assert listener.types() == [
        "platform.logsSubscription",
        "platform.extension",
        "platform.start",
        "function",
        "platform.runtimeDone",
        "platform.end",
        "platform.report",
    ]
    done = next(e for e in listener.events if e["type"] == "platform.runtimeDone")
    assert {"requestId", "status"} == set(done["record"])
    assert listener.requests[0] == ("PUT", "/")


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("schema", "record"),
    [
        ("2022-07-01", '{"message": "hi"}'),
        ("2022-12-13", {"message": "hi"}),
        ("2025-01-29", {"message": "hi"}),
    ],
)
def test_json_log_format_makes_objects(tmp_path, listener, schema, record):
    """With log format JSON a JSON line is an object, except in the first schema."""
    with held_init(tmp_path, log_format="JSON") as held:
        identifier = held.api.identifier("one")
        held.api.subscribe(identifier, listener.port, schemaVersion=schema)
        finish_init(held, identifier)
        held.env.invoke({"print": '{"message": "hi"}'})
        held.env.invoke({"print": "{no json"})
        held.env.thaw()

        events = listener.wait_for("function", 2)

    assert [record, "{no json"] == [event["record"] for event in events]


@pytest.mark.e2e
def test_a_listener_that_comes_late_loses_nothing(held):
    """While nobody listens, batches are kept and sent again."""
    identifier = held.api.identifier("one")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        held.api.subscribe(identifier, port)
        wait_until(
            lambda: any(e.what == "telemetry not delivered" for e in held.env.timeline),
            what="a failed delivery",
        )
    seen = threading.Event()
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(DEADLINE)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            while (line := stream.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            batch = json.loads(stream.read(length))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            seen.set()

    assert batch[0]["type"] == "platform.initStart"
    assert seen.is_set()


@pytest.mark.e2e
def test_a_refused_batch_is_sent_again(tmp_path):
    """Anything but a 2xx has the same batch sent again."""
    with Listener(500, 403) as listener, held_init(tmp_path) as held:
        held.api.subscribe(held.api.identifier("one"), listener.port)

        listener.wait_for("platform.initStart")
        held.release()

        assert len(listener.requests) >= 3
        assert listener.types().count("platform.initStart") == 1


@pytest.mark.e2e
def test_a_slow_listener_loses_events_and_is_told(tmp_path, listener):
    """Past the backlog events are dropped, counted, and told with platform.logsDropped."""
    with held_init(tmp_path, telemetry_backlog_bytes=20_000, freeze=False) as held:
        identifier = held.api.identifier("one")
        listener.block.clear()
        held.api.subscribe(identifier, listener.port)
        finish_init(held, identifier)
        lines = "\n".join(f"{number:04} {'x' * 100}" for number in range(400))
        held.env.invoke({"print": lines})
        wait_until(lambda: len(records(held.env, "function")) == 400, what="all output")
        listener.block.set()

        def all_told() -> list[dict[str, Any]]:
            dropped = [e for e in listener.events if e["type"] == "platform.logsDropped"]
            lost = sum(event["record"]["droppedRecords"] for event in dropped)
            return dropped if listener.types().count("function") + lost >= 400 else []

        dropped = wait_until(all_told, what="every line, or its loss")

    assert 0 < listener.types().count("function") < 400
    assert dropped[0]["record"]["droppedBytes"] > 0
    assert dropped[0]["record"]["reason"]


@pytest.mark.e2e
def test_tcp_destination_gets_a_line_an_event(held):
    """With protocol TCP events come as newline-delimited JSON."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE)
        destination = {"protocol": "TCP", "port": server.getsockname()[1]}
        held.api.subscribe(held.api.identifier("one"), 0, destination=destination)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            first = json.loads(stream.readline())

    assert first["type"] == "platform.initStart"


@pytest.mark.e2e
def test_nothing_is_delivered_while_frozen(held, listener):
    """The report of an invocation comes after the thaw, not during the freeze."""
    identifier = held.api.identifier("one")
    held.api.subscribe(
        identifier,
        listener.port,
        buffering={"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 30_000},
    )
    finish_init(held, identifier)
    held.env.invoke({})
    assert held.env.wait_frozen()

    assert listener.types() == []
    held.env.shutdown()
    assert "platform.report" in listener.types()


def test_batches_keep_to_items_and_bytes():
    """A batch holds at most maxItems and maxBytes, and always one event."""
    buffer = Buffer(Buffering(max_items=3, max_bytes=10), backlog_bytes=1000)
    for data in (b"aaaa", b"bbbb", b"cccc", b"d", b"e", b"f", b"g", b"h" * 20):
        buffer.add(data, now=0.0)

    batches = []
    while batch := buffer.take():
        batches.append(batch)

    assert batches == [
        [b"aaaa", b"bbbb"],
        [b"cccc", b"d", b"e"],
        [b"f", b"g"],
        [b"h" * 20],
    ]


def test_a_batch_is_due_by_age_items_or_bytes():
    """The oldest event's age counts until items or bytes are full."""
    buffer = Buffer(Buffering(max_items=3, max_bytes=10, timeout_ms=500), backlog_bytes=100)
    assert buffer.due_in(0.0) is None

    buffer.add(b"a", now=1.0)
    assert buffer.due_in(1.2) == pytest.approx(0.3)
    assert buffer.due_in(2.0) == 0.0
    buffer.add(b"a" * 9, now=1.0)

    assert buffer.due_in(1.0) == 0.0


def test_a_full_buffer_counts_what_it_drops():
    """What does not fit into the backlog is counted, once."""
    buffer = Buffer(Buffering(), backlog_bytes=5)

    assert [buffer.add(b"abc", 0.0) for _ in range(3)] == [True, False, False]
    assert buffer.take_drops() == (2, 6)
    assert buffer.take_drops() == (0, 0)


def test_a_record_over_max_bytes_is_cut_and_continued(listener):
    """The service repeats the envelope around each part of an over-long record."""
    text = "".join(chr(97 + number % 26) for number in range(600_000))
    subscription = Subscription(
        "one",
        "telemetry",
        "2022-12-13",
        ("function",),
        Destination("HTTP", listener.port),
        Buffering(timeout_ms=25),
        note=lambda what, detail: None,
        connect=DirectLauncher().connect,
    )
    try:
        subscription.offer(TelemetryEvent("2026-01-01T00:00:00.000Z", "function", text, text))
        wait_until(lambda: sum(len(e["record"]) for e in listener.events) == len(text))
    finally:
        subscription.close()

    assert text == "".join(event["record"] for event in listener.events)
    assert {("2026-01-01T00:00:00.000Z", "function")} == {
        (event["time"], event["type"]) for event in listener.events
    }
    assert all(len(batch) == 1 for batch in listener.batches)


@pytest.mark.parametrize(
    ("kind", "schemas"),
    [
        ("platform.initStart", {"2022-07-01", "2022-12-13", "2025-01-29"}),
        ("platform.restoreStart", {"2022-12-13", "2025-01-29"}),
        ("platform.end", {"2020-08-15", "2021-03-18"}),
        ("platform.runtimeDone", {"2021-03-18", "2022-07-01", "2022-12-13", "2025-01-29"}),
        ("function", {"2020-08-15", "2021-03-18", "2022-07-01", "2022-12-13", "2025-01-29"}),
    ],
)
def test_each_schema_has_its_events(kind, schemas):
    """An event exists in the schemas that document it, and in no other."""
    every = ("2020-08-15", "2021-03-18", "2022-07-01", "2022-12-13", "2025-01-29")
    event = TelemetryEvent("2026-01-01T00:00:00.000Z", kind, {"spans": []})

    assert schemas == {schema for schema in every if render(event, schema) is not None}


def test_first_schema_lacks_later_fields():
    """Schema 2022-07-01 has no status in initReport and no runtimeOverhead."""
    report = {"phase": "init", "status": "success", "metrics": {}}
    done = {"requestId": "1", "spans": [{"name": "runtimeOverhead"}, {"name": "responseLatency"}]}

    first, second = (
        json.loads(render(TelemetryEvent("t", kind, record), "2022-07-01") or b"")["record"]
        for kind, record in (("platform.initReport", report), ("platform.runtimeDone", done))
    )

    assert first == {"phase": "init", "metrics": {}}
    assert second["spans"] == [{"name": "responseLatency"}]
