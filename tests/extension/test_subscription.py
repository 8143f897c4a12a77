from __future__ import annotations

import socket

import pytest

from firehose_logging._extension import subscription
from firehose_logging._extension.lambda_api import LambdaApi
from firehose_logging._extension.subscription import listen, subscribe
from firehose_logging.settings import Settings
from support.extensions_api import ExtensionsApi


@pytest.fixture
def registered():
    """Makes a registered client of an API, whose answer to subscribe is given."""
    made = []

    def make(status: int) -> tuple[ExtensionsApi, LambdaApi]:
        api = ExtensionsApi(subscribe=status)
        client = LambdaApi(api.address)
        client.register("our-name", [])
        made.extend([client, api])
        return api, client

    yield make
    for item in made:
        item.close()


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_replaced_by_a_free_one(registered, taken, capfd):
    """Telemetry comes all the same, to the port that the subscription names; that is told."""
    api, client = registered(200)
    listener = subscribe(client, Settings(listener_port=taken), managed=False)
    assert listener is not None
    try:
        assert listener.getsockname()[1] != taken
        uri = api.subscription()["destination"]["URI"]
        assert uri == f"http://sandbox.localdomain:{listener.getsockname()[1]}"
        told = capfd.readouterr().err
        assert f"HTTP_LOGS_LISTENER_PORT={taken} cannot be used" in told
        assert str(listener.getsockname()[1]) in told
    finally:
        listener.close()


def test_no_port_at_all(monkeypatch, capfd):
    """Where no port can be had there is no telemetry, and that is told."""

    def refuse(*args: object, **named: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(subscription, "open_port", refuse)

    assert listen(1234) is None
    assert "no telemetry: no port" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("managed", "telemetry_api", "schema"),
    [
        (False, "telemetry", "2022-12-13"),
        (True, "telemetry", "2025-01-29"),
        (False, "logs", "2021-03-18"),
    ],
)
def test_schemas(registered, taken, managed, telemetry_api, schema):
    """Each kind of environment and each API has the schema that it knows."""
    api, client = registered(200)
    settings = Settings(listener_port=taken, telemetry_api=telemetry_api)
    listener = subscribe(client, settings, managed=managed)
    assert listener is not None
    listener.close()

    assert api.subscription()["schemaVersion"] == schema


@pytest.mark.parametrize(("status", "told"), [(202, False), (400, True)])
def test_no_events_will_come(registered, taken, status, told, capfd):
    """A refusal is told; 202, the answer of emulators, is not. Neither leaves a listener open."""
    _, client = registered(status)

    assert subscribe(client, Settings(listener_port=taken), managed=False) is None
    assert ("API refused" in capfd.readouterr().err) is told
