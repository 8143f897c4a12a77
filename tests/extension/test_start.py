from __future__ import annotations

import pytest

from firehose_logging import _threads
from firehose_logging._clock import SystemClock
from firehose_logging._delivery.deliveries import Deliveries
from firehose_logging._environment import Environment
from firehose_logging._extension.start import Starter
from firehose_logging._line.context import Context
from firehose_logging.settings import Settings
from firehose_logging.testing import MemoryTransport
from support.extensions_api import ExtensionsApi
from support.stage import threaded
from tools.waiting import wait_until


@pytest.fixture
def starter():
    """Makes starters for an API's address."""
    deliveries = []

    def make(address: str, **variables: str) -> Starter:
        environment = Environment({"AWS_LAMBDA_RUNTIME_API": address, **variables})
        delivery = threaded(MemoryTransport(), background=False)
        deliveries.append(delivery)
        return Starter(
            environment,
            Settings(stream_name="logs"),
            Deliveries(SystemClock()),
            delivery,
            Context(environment),
            SystemClock(),
            complete_output=lambda: None,
            terminate=lambda: None,
        )

    yield make
    for delivery in deliveries:
        delivery.close(1)


@pytest.fixture
def refusing():
    """An API that refuses to register, with a given error."""
    made = []

    def make(status: int, kind: str) -> ExtensionsApi:
        made.append(ExtensionsApi(register=(status, kind)))
        return made[-1]

    yield make
    for api in made:
        api.close()


def test_too_late_to_register(starter, refusing, capfd):
    """A handler made inside the function is told as such, and no thread is left behind."""
    api = refusing(403, "Extension.RegistrationClosed")

    extension = starter(api.address).on_demand(hooked=True, decorated=False)
    assert not extension.is_registered()
    assert "too late: make the handler" in capfd.readouterr().err
    wait_until(lambda: not _threads.own, what="the thread's end")


def test_refused_otherwise(starter, refusing, capfd):
    """Any other refusal is told in Lambda's words."""
    api = refusing(400, "Extension.TooManyExtensions")

    assert not starter(api.address).on_demand(hooked=True, decorated=False).is_registered()
    assert "Extension.TooManyExtensions (400): as told" in capfd.readouterr().err


def test_another_worker_is_the_extension(starter, refusing, capfd):
    """On Managed Instances the second registration of a name is refused, which is as it should."""
    api = refusing(403, "Extension.InvalidExtensionState")
    made = starter(api.address, AWS_LAMBDA_MAX_CONCURRENCY="4").managed_instances()

    assert not made.is_registered()
    assert capfd.readouterr().err == ""


def test_nobody_there(starter, capfd):
    """Without the API there is no extension, and that is told."""
    assert not starter("127.0.0.1:1").on_demand(hooked=True, decorated=False).is_registered()
    assert "not registered as an extension" in capfd.readouterr().err


def test_no_thread_no_registration(starter, monkeypatch, capfd):
    """Who registers must ask for events, or no invocation ends: without a thread nobody does."""

    def none_left(name: str, target: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "spawn", none_left)
    api = ExtensionsApi()
    try:
        assert starter(api.address).on_demand(hooked=True, decorated=False) is None
        managed = starter(api.address, AWS_LAMBDA_MAX_CONCURRENCY="4")
        assert managed.managed_instances() is None
        assert managed.signals_only() is None
        assert api.requests == []
        assert capfd.readouterr().err.count("no thread or descriptor") == 1
    finally:
        api.close()


def test_telemetry_off(starter):
    """With telemetry off there is no listener and no subscription."""
    api = ExtensionsApi()
    made = starter(api.address)
    made._settings = Settings(stream_name="logs", telemetry=())
    try:
        companion = made.on_demand(hooked=True, decorated=False)
        api.wait_asked(1)
        assert [path for path, _ in api.requests] == ["/2020-01-01/extension/register"]
        companion.stop()
        wait_until(lambda: companion.wake_fileno < 0, what="the end")
    finally:
        api.close()
