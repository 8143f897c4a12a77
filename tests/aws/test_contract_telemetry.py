"""The contract of the Telemetry API, on every platform that has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.contract import MANAGED, Environment, Open, applies, opener, parametrize
from support.local_lambda_fixtures import LOGS, TELEMETRY, Listener

pytestmark = [pytest.mark.e2e, pytest.mark.rie]
pytest_generate_tests = parametrize

NEWEST = "2025-01-29"
STUB = "the emulator has no telemetry: it answers 202"
ANY_SCHEMA = "on demand every schema is taken"


@pytest.fixture
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Starts environments on one of the platforms."""
    with opener(request.param, tmp_path) as start:
        yield start


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Takes telemetry."""
    with Listener() as listening:
        yield listening


def subscribed(env: Environment, listener: Listener, **changes: Any) -> str:
    """Register, subscribe with the newest schema, ask for next; the identifier."""
    identifier = env.api.identifier("one")
    wanted: dict[str, Any] = {"schemaVersion": NEWEST}
    if env.name == MANAGED:
        # A batch that is not taken before the next one is due is the emulator's last.
        wanted["buffering"] = {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 1000}
    answer = env.api.subscribe(identifier, listener.port, **{**wanted, **changes})
    assert answer.status == 200, answer.raw
    env.next(identifier)
    return identifier


def _see_through(
    env: Environment, listener: Listener, kind: str, *events: Any, count: int = 1
) -> list[dict[str, Any]]:
    """Init, invocations, so many events of a kind, the end: what comes late may be lost."""
    env.release()
    env.first.result(30.0)
    for event in events:
        env.invoke(event).result(30.0)
    env.settle()
    found = listener.wait_for(kind, count)
    env.stop()
    return found


@applies(managed="subscriptions are real there", local="subscriptions are real there")
def test_a_stub_says_202(platform: Open, listener: Listener) -> None:
    """Where no telemetry will ever come, a subscription is answered with 202."""
    api = platform().api
    identifier = api.identifier("one")

    assert api.subscribe(identifier, listener.port).status == 202
    assert api.subscribe(identifier, listener.port, LOGS).status == 202


@applies(classic=STUB)
def test_a_subscription(platform: Open, listener: Listener) -> None:
    """A subscription in Init is answered "OK" and told as platform.telemetrySubscription."""
    env = platform()
    subscribed(env, listener)
    (event,) = listener.wait_for("platform.telemetrySubscription")

    assert {"name": "one", "state": "Subscribed"}.items() <= event["record"].items()
    assert set(event["record"]["types"]) == {"platform", "function", "extension"}


@applies(classic=STUB)
def test_the_order_of_types(platform: Open, listener: Listener) -> None:
    """The types of a subscription are told in the order in which they were asked for."""
    env = platform()
    types = ["function", "platform"]
    identifier = env.api.identifier("one")
    answer = env.api.subscribe(identifier, listener.port, schemaVersion=NEWEST, types=types)
    assert answer.status == 200
    env.next(identifier)
    (event,) = listener.wait_for("platform.telemetrySubscription")

    assert event["record"]["types"] == types


@applies(classic=STUB)
@pytest.mark.parametrize(
    "changes",
    [
        {"schemaVersion": "2021-01-01"},
        {"types": []},
        {"types": ["metrics"]},
        {"destination": {"protocol": "HTTP", "URI": "http://127.0.0.1:1234"}},
        {"destination": {"protocol": "HTTP", "URI": "http://elsewhere.example:1234"}},
        {"destination": {"protocol": "UDP", "port": 1234}},
        {"destination": None},
        {"buffering": {"maxItems": 999, "maxBytes": 262144, "timeoutMs": 25}},
        {"buffering": {"maxItems": 1000, "maxBytes": 1024, "timeoutMs": 25}},
        {"buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 1}},
    ],
    ids=[
        "schema", "no types", "unknown type", "address", "other host", "protocol",
        "no destination", "too few items", "too few bytes", "too soon",
    ],
)  # fmt: skip
def test_subscriptions_that_are_refused(
    platform: Open, listener: Listener, changes: dict[str, Any]
) -> None:
    """A subscription that breaks a rule gets 400 ValidationError."""
    api = platform().api
    values = {"schemaVersion": NEWEST, **changes}
    answer = api.subscribe(api.identifier("one"), listener.port, **values)

    assert answer.status == 400
    # Not read as JSON: the emulator quotes the request in it without escaping.
    assert b'"errorType":"ValidationError"' in answer.raw.replace(b" ", b"")


@applies(classic=STUB, local=ANY_SCHEMA)
def test_managed_instances_take_the_newest_schema(platform: Open, listener: Listener) -> None:
    """On Managed Instances schemas before 2025-01-29 are refused."""
    api = platform().api
    identifier = api.identifier("one")

    for schema in ("2022-07-01", "2022-12-13"):
        assert api.subscribe(identifier, listener.port, schemaVersion=schema).status == 400
    assert api.subscribe(identifier, listener.port, schemaVersion=NEWEST).status == 200


@applies(classic=STUB, managed="only the newest schema is taken")
@pytest.mark.parametrize("schema", ["2022-07-01", "2022-12-13", "2025-01-29"])
def test_on_demand_takes_every_schema(platform: Open, listener: Listener, schema: str) -> None:
    """On demand each of the three schemas is taken."""
    api = platform().api

    answer = api.subscribe(api.identifier("one"), listener.port, schemaVersion=schema)
    assert answer.status == 200


@applies(classic=STUB)
def test_a_second_subscription(platform: Open, listener: Listener) -> None:
    """A second Telemetry subscription of one extension fails."""
    env = platform()
    identifier = subscribed(env, listener)
    answer = env.api.subscribe(identifier, listener.port, schemaVersion=NEWEST)

    assert answer.status >= 400


@applies(classic=STUB)
def test_a_late_subscription(platform: Open, listener: Listener) -> None:
    """After Init a subscription gets 403 Telemetry.SubscriptionClosed."""
    env = platform()
    identifier = env.api.identifier("one")
    env.next(identifier)
    env.release()
    env.first.result(10.0)
    answer = env.api.subscribe(identifier, listener.port, schemaVersion=NEWEST)

    assert (403, "Telemetry.SubscriptionClosed") == (answer.status, answer.error)


@applies(classic=STUB)
def test_init_is_replayed(platform: Open, listener: Listener) -> None:
    """Who subscribes in Init is told what happened in it before; initStart comes first."""
    env = platform()
    subscribed(env, listener)
    _see_through(env, listener, "platform.initReport")
    types = [kind for kind in listener.types() if kind.startswith("platform.init")]

    assert types[0] == "platform.initStart"
    assert {*types} == {
        "platform.initStart", "platform.initRuntimeDone", "platform.initReport",
    }  # fmt: skip


@applies(classic=STUB)
def test_invocations_are_told(platform: Open, listener: Listener) -> None:
    """Each invocation has a start and a report, with its request id, in that order."""
    env = platform()
    subscribed(env, listener)
    env.release()
    answers = [env.first.result(30.0), *(env.invoke({"n": n}).result(30.0) for n in range(2))]
    ids = [answer["fields"]["lambda-runtime-aws-request-id"] for answer in answers]
    env.settle()
    reports = listener.wait_for("platform.report", len(ids))  # the end could come before the last
    env.stop()
    starts = listener.wait_for("platform.start", len(ids))

    assert ids == [event["record"]["requestId"] for event in starts]
    assert ids == [event["record"]["requestId"] for event in reports]
    assert all(event["record"]["metrics"]["durationMs"] >= 0 for event in reports)


@applies(classic=STUB, managed="there is no platform.runtimeDone")
def test_the_runtimes_end_is_told(platform: Open, listener: Listener) -> None:
    """Between start and report platform.runtimeDone tells that the runtime has asked for more."""
    env = platform()
    subscribed(env, listener)
    _see_through(env, listener, "platform.report")
    wanted = ("platform.start", "platform.runtimeDone", "platform.report")

    assert [kind for kind in listener.types() if kind in wanted] == [*wanted]


@applies(classic=STUB)
def test_output_is_told(platform: Open, listener: Listener) -> None:
    """Each line of the runtime's output is a function event."""
    env = platform()
    subscribed(env, listener)
    events = _see_through(env, listener, "function", {"print": "one\ntwo"}, count=2)

    assert [event["record"].rstrip("\n") for event in events] == ["one", "two"]


@applies(classic=STUB)
def test_only_what_was_asked_for(platform: Open, listener: Listener) -> None:
    """Types that were not subscribed to do not come."""
    env = platform()
    subscribed(env, listener, types=["function"])
    _see_through(env, listener, "function", {"print": "said"})

    assert {*listener.types()} == {"function"}


@applies(
    classic=STUB,
    managed="the emulator drops a batch that was refused; the documentation says it is retried",
)
def test_a_refused_batch_comes_again(platform: Open) -> None:
    """A batch that the listener refuses is sent again."""
    with Listener(500, 500) as listener:
        env = platform()
        # Init is held: a frozen environment sends nothing.
        subscribed(env, listener)

        assert listener.wait_for("platform.initStart")
        assert listener.statuses == []


@applies(classic=STUB, managed="the older Logs API is not there")
def test_the_logs_api(platform: Open, listener: Listener) -> None:
    """The older Logs API takes subscriptions, and then the Telemetry API does not."""
    env = platform()
    identifier = env.api.identifier("one")

    assert env.api.subscribe(identifier, listener.port, LOGS).status == 200
    assert env.api.subscribe(identifier, listener.port, TELEMETRY).status == 400


@applies(classic="202, as for telemetry", local="on demand it is there")
def test_no_logs_api_on_managed_instances(platform: Open, listener: Listener) -> None:
    """Managed Instances have no Logs API: 404."""
    api = platform().api

    assert api.subscribe(api.identifier("one"), listener.port, LOGS).status == 404
