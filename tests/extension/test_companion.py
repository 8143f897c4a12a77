"""The companion's loop, with a real API, listener, delivery and thread; only Firehose is not."""

from __future__ import annotations

import os
import signal
import time

import pytest

from firehose_logging._clock import SystemClock
from firehose_logging._delivery.deliveries import Deliveries
from firehose_logging._environment import Environment
from firehose_logging._extension import companion, last_flush
from firehose_logging._extension.companion import GIVE_UP_LISTENER
from firehose_logging._extension.start import NAME, Starter
from firehose_logging._line.context import Context
from firehose_logging.settings import Settings
from firehose_logging.testing import MemoryTransport
from support.extensions_api import ExtensionsApi
from support.stage import threaded
from tools.waiting import wait_until


class Stage:
    """An environment's API, a delivery into memory, and the companion between them."""

    def __init__(
        self, api: ExtensionsApi, *, workers: str | None = None, take=None, **settings
    ) -> None:
        self.api = api
        variables = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "shop"}
        if workers is not None:
            variables["AWS_LAMBDA_MAX_CONCURRENCY"] = workers
        environment = Environment(variables)
        self.transport = MemoryTransport()
        self.delivery = threaded(
            self.transport, background=False, on_progress=self.progress, **settings
        )
        self.clock = SystemClock()
        deliveries = Deliveries(self.clock)
        deliveries.get(("logs", 0), lambda: self.delivery)
        self.terminated = 0
        self.completed = 0
        self.starter = Starter(
            environment,
            Settings(stream_name="logs", **settings),
            deliveries,
            self.delivery,
            Context(environment),
            self.clock,
            complete_output=self.complete,
            terminate=self.terminate,
            take=take,
        )
        self.companion = None

    def start(self, *, hooked: bool = True):
        """The companion of an on-demand environment."""
        self.companion = self.starter.on_demand(hooked=hooked, decorated=False)
        return self.companion

    def progress(self) -> None:
        if self.companion is not None:
            self.companion.wake()

    def complete(self) -> None:
        self.completed += 1

    def terminate(self) -> None:
        self.terminated += 1

    def invoke(self, request_id: str, seconds: float = 60.0) -> None:
        """The event of an invocation that has so many seconds from now."""
        self.api.invoke(request_id, (time.time() + seconds) * 1000)

    def close(self) -> None:
        if self.companion is not None:
            self.companion.stop()
            wait_until(lambda: self.companion.wake_fileno < 0, what="the companion's end")
        self.delivery.close(5)


@pytest.fixture
def api():
    """An API that takes everything."""
    api = ExtensionsApi()
    yield api
    api.close()


@pytest.fixture
def stage(api):
    """An on-demand environment, not started yet."""
    stage = Stage(api)
    yield stage
    stage.close()


def test_registers_subscribes_and_asks(stage):
    """At the start the extension registers for INVOKE, subscribes, and asks for an event."""
    stage.start()
    stage.api.wait_asked(1)

    (path, body), (_, subscription) = stage.api.requests
    assert (path, body) == ("/2020-01-01/extension/register", {"events": ["INVOKE"]})
    assert subscription["types"] == ["platform"]


def test_an_invocation(stage):
    """What was logged is delivered when the handler is done, and then the next event asked for."""
    companion = stage.start()
    stage.api.wait_asked(1)
    stage.invoke("a")
    stage.delivery.add('{"message":"hello"')
    companion.handler_ended("a")

    stage.api.wait_asked(2)
    assert [line["message"] for line in stage.transport.lines()] == ["hello"]


def test_telemetry_becomes_lines_and_tells_ends(stage):
    """Events are lines; where no hook tells the end, ``platform.runtimeDone`` does."""
    stage.start(hooked=False)
    stage.api.wait_asked(1)
    stage.invoke("a")
    record = {"requestId": "a", "status": "success"}
    time_ = "2026-11-28T10:00:00.000Z"
    wait_until(lambda: "running" in repr(stage.companion), what="the event's arrival")
    stage.api.post_telemetry({"time": time_, "type": "platform.runtimeDone", "record": record})

    stage.api.wait_asked(2)
    assert [line["type"] for line in stage.transport.lines()] == ["platform.runtimeDone"]
    assert stage.completed == 1


def test_a_hook_that_exits_costs_its_line_alone(api, capfd):
    """On our thread there is no function to leave: the line is withheld, and that is told."""

    def leave(line: str) -> None:
        raise SystemExit(line)

    stage = Stage(api, take=leave)
    try:
        companion = stage.start()
        stage.api.wait_asked(1)
        stage.api.post_telemetry({"time": "2026-11-28T10:00:00.000Z", "type": "x", "record": {}})
        wait_until(lambda: stage.delivery.counts()["lost"], what="the loss")
        stage.invoke("a")
        companion.handler_ended("a")
        stage.api.wait_asked(2)
        assert "redact raised SystemExit" in capfd.readouterr().err
    finally:
        stage.close()


def test_unreadable_telemetry_is_a_counted_loss(stage, capfd):
    """An event that is none costs one line, which is counted and told."""
    stage.start()
    stage.api.wait_asked(1)
    stage.api.post_telemetry(7)

    wait_until(lambda: stage.delivery.counts()["lost"] == {"bad_telemetry": 1}, what="the loss")
    assert "could not be read" in capfd.readouterr().err


@pytest.mark.parametrize("status", [403, 500])
def test_refusals_of_the_next_event_end_nothing(stage, status):
    """Five refusals in a row, whatever their status, and the next event is still asked for."""
    companion = stage.start()
    for _ in range(5):
        stage.api.answer(status, errorType="Extension.Refused", errorMessage="no")
    stage.api.wait_asked(6)
    stage.invoke("a")
    companion.handler_ended("a")

    stage.api.wait_asked(7)


def test_an_api_that_goes_and_comes_back():
    """While nobody listens it is asked again and again; once somebody does, he is asked."""
    first = ExtensionsApi()
    stage = Stage(first)
    try:
        stage.start()
        first.wait_asked(1)
        port = first.port
        first.close()
        wait_until(lambda: "asking" not in repr(stage.companion), what="the outage to be seen")
        second = ExtensionsApi(port=port)
        try:
            second.wait_asked(1)
        finally:
            second.close()
    finally:
        stage.close()


def test_a_defect_in_every_turn_costs_the_listener(stage, capfd):
    """What raises while telemetry is read is told once, the listener goes, invocations go on."""
    extension = stage.start(hooked=False)
    stage.api.wait_asked(1)
    stage.invoke("a")
    wait_until(lambda: extension._companion, what="the companion")
    companion = extension._companion
    extension.hooked()

    def fail(*args: object) -> None:
        raise RuntimeError("broken on purpose")

    listener = companion._listener
    listener.ready = fail
    with pytest.raises((OSError, AssertionError)):
        stage.api.post_telemetry({"type": "x"})
    wait_until(lambda: companion._listener is None, what="the listener's end")

    assert companion._failures <= GIVE_UP_LISTENER
    assert capfd.readouterr().err.count("broken on purpose") == 1
    extension.handler_ended("a")
    stage.api.wait_asked(2)


def test_the_functions_thread_goes_first_when_an_event_comes(stage):
    """The companion has seen that there is one, and pauses before it reads it."""
    extension = stage.start()
    stage.api.wait_asked(1)
    stage.invoke("a")
    extension.handler_ended("a")
    stage.api.wait_asked(2)
    made = extension._companion
    seen = []

    class Pause:
        def acquire(self, *, timeout: float) -> bool:
            seen.append((made._next_event._api.has_answer(), timeout))
            return False

    made._pause = Pause()
    stage.invoke("b")
    extension.handler_ended("b")
    stage.api.wait_asked(3)

    # Where the end was told before the event came, nothing is put off.
    assert set(seen) <= {(True, companion.GIVE_WAY)}
    stage.invoke("c")
    wait_until(lambda: seen, what="the pause")
    extension.handler_ended("c")
    stage.api.wait_asked(4)
    assert set(seen) == {(True, companion.GIVE_WAY)}


def test_sigterm_flushes_and_ends_the_process(stage):
    """SIGTERM's number on the wake-up descriptor delivers what is pending, then the end."""
    companion = stage.start()
    stage.delivery.add('{"message":"last"')
    os.write(companion.wake_fileno, bytes([signal.SIGTERM]))

    wait_until(lambda: stage.terminated, what="the end")
    assert [line["message"] for line in stage.transport.lines()] == ["last"]
    assert stage.completed == 1


def test_the_verdict_on_a_time_out_is_waited_for(stage, monkeypatch):
    """It comes when all has been quiet for long, as on a busy machine."""
    monkeypatch.setattr(last_flush, "VERDICT_LIMIT", 60.0)
    companion = stage.start()
    stage.api.wait_asked(1)
    stage.invoke("a")
    wait_until(lambda: "running" in repr(companion), what="the event's arrival")
    began = time.monotonic()
    os.write(companion.wake_fileno, bytes([signal.SIGTERM]))
    wait_until(lambda: time.monotonic() - began > 5 * last_flush.QUIET, what="quiet")
    assert not stage.terminated
    record = {"requestId": "a", "status": "timeout"}
    time_ = "2026-11-28T10:00:00.000Z"
    stage.api.post_telemetry({"time": time_, "type": "platform.runtimeDone", "record": record})

    wait_until(lambda: stage.terminated, what="the end")
    assert [line["type"] for line in stage.transport.lines()] == ["platform.runtimeDone"]


def test_managed_instances_register_for_nothing(api):
    """Where no INVOKE events exist the extension registers for none, and asks all the same."""
    stage = Stage(api, workers="4")
    try:
        stage.companion = stage.starter.managed_instances()
        api.wait_asked(1)
        assert api.requests[0][1] == {"events": []}
        assert api.subscription()["schemaVersion"] == "2025-01-29"
    finally:
        stage.close()


def test_a_worker_that_is_not_the_extension(api, capfd):
    """It asks for nothing and registers nothing, and flushes at SIGTERM all the same."""
    stage = Stage(api, workers="4")
    try:
        stage.companion = stage.starter.signals_only()
        stage.delivery.add('{"message":"last"')
        os.write(stage.companion.wake_fileno, bytes([signal.SIGTERM]))
        wait_until(lambda: stage.terminated, what="the end")
        assert (api.requests, api.asked) == ([], 0)
        assert [line["message"] for line in stage.transport.lines()] == ["last"]
    finally:
        stage.close()
    assert capfd.readouterr().err == ""


def test_the_name_is_no_external_extensions():
    """The platform takes a name that stands in a layer's extensions folder for an external one."""
    assert NAME == "firehose-logging-internal"


def test_stopped_and_closed_twice(stage):
    """Once stopped, every descriptor is closed; closing again is no error."""
    extension = stage.start(hooked=False)
    stage.invoke("a")
    wait_until(lambda: extension._companion, what="the companion")
    extension.stop()
    wait_until(lambda: extension.wake_fileno < 0, what="the end")

    extension._companion.close()
    extension.wake()
