from __future__ import annotations

import sys

import pytest

from firehose_logging import _environment
from firehose_logging._extension.flush_policy import FlushPolicy
from firehose_logging._extension.lifecycle import EARLY_FLUSH, HOLD_LIMIT, Lifecycle
from firehose_logging._extension.on_demand import SHORT_DELIVERY, OnDemand
from firehose_logging._line.context import Context
from firehose_logging._switch_interval import SHORT_INTERVAL, SwitchInterval
from firehose_logging.testing import ManualClock
from support.deliveries import ScriptedDeliveries


class Asked:
    """Counts how often the next event was asked for."""

    def __init__(self) -> None:
        self.times = 0

    def ask(self, now: float) -> None:
        self.times += 1


class Environment:
    """An on-demand environment at rest, on a clock that stands still."""

    def __init__(self, mode: str = "end", **facts: bool) -> None:
        facts = {"hooked": True, "decorated": False, "sees_runtime_done": True, **facts}
        self.clock = ManualClock()
        self.deliveries = ScriptedDeliveries()
        self.asked = Asked()
        self.context = Context(_environment.Environment({}))
        self.on_demand = OnDemand(
            Lifecycle(FlushPolicy(mode, 10)),
            self.deliveries,
            self.asked,
            self.context,
            SwitchInterval(),
            self.clock,
            **facts,
        )

    def invoke(self, request_id: str = "a", seconds: float = 60.0, **more: object) -> None:
        """The event of an invocation that has so many seconds."""
        deadline_ms = (self.clock.epoch() + seconds) * 1000
        event = {"eventType": "INVOKE", "requestId": request_id, "deadlineMs": deadline_ms, **more}
        self.on_demand.event(event, self.clock.now())

    def log(self) -> None:
        """A line is pending from now on."""
        self.deliveries.pending = self.clock.now()

    def end(self, request_id: str | None = None) -> None:
        """The handler is done."""
        self.on_demand.ended(request_id, self.clock.now())

    def tick(self, seconds: float = 0.0) -> None:
        """Let time pass, and have a turn."""
        self.clock.advance(seconds)
        self.on_demand.tick(self.clock.now())


def test_the_flush_holds_the_environment():
    """After the response everything is asked for, and the next event when it has arrived."""
    environment = Environment()
    environment.invoke()
    environment.log()
    environment.end("a")
    environment.tick(0.01)
    assert (environment.deliveries.requests, environment.asked.times) == ([False], 0)

    environment.deliveries.deliver()
    environment.tick()
    assert environment.asked.times == 1


def test_journals_are_looked_after_when_an_invocation_ends():
    """The function may have deleted their files since its last line, and be killed next."""
    environment = Environment()
    environment.invoke()
    environment.log()
    environment.end()

    assert environment.deliveries.looks == 1


def test_a_failing_stream_holds_nobody():
    """When a call fails in the middle of a hold, the hold ends."""
    environment = Environment()
    environment.invoke()
    environment.log()
    environment.end()
    environment.deliveries.failing = True
    environment.tick()

    assert environment.asked.times == 1


def test_a_hung_call_holds_one_invocation():
    """What did not come back within the limit is not waited for by the next invocation."""
    environment = Environment()
    environment.invoke("a")
    environment.log()
    environment.end()
    environment.tick(HOLD_LIMIT)
    assert environment.asked.times == 1

    environment.invoke("b")
    environment.end()
    assert environment.asked.times == 2


def test_without_a_thread_the_companion_delivers(capfd):
    """Where none can be started for deliveries, its own makes them within the hold; it is told."""
    environment = Environment()
    environment.invoke("a", seconds=60.0)
    environment.log()
    environment.deliveries.lacks_thread = True
    environment.end("a")
    environment.tick()

    assert environment.deliveries.flushes == [SHORT_DELIVERY]
    assert environment.asked.times == 1
    assert "no thread can be started" in capfd.readouterr().err


def test_that_an_interpreter_ends_is_no_want_of_threads(capfd, monkeypatch):
    """From Python 3.12 on none is started then: what is left is delivered, and nothing told."""
    monkeypatch.setattr("firehose_logging._threads.is_ending", lambda: True)
    environment = Environment()
    environment.invoke("a", seconds=60.0)
    environment.log()
    environment.deliveries.lacks_thread = True
    environment.end("a")
    environment.tick()

    assert environment.deliveries.flushes == [SHORT_DELIVERY]
    assert capfd.readouterr().err == ""


def test_a_stream_that_is_spared_holds_nobody():
    """A flush that is put off is not waited for; one before a deadline is not put off."""
    environment = Environment()
    environment.deliveries.spared = True
    environment.invoke(seconds=10)
    environment.log()
    environment.tick(9.5)
    assert environment.deliveries.hurried[-1]

    environment.end()
    assert environment.asked.times == 1
    assert not environment.deliveries.hurried[-1]


def test_other_events_are_answered_by_asking_again():
    """An event of a kind that does not exist yet changes nothing."""
    environment = Environment()
    environment.on_demand.event({"eventType": "SOMETHING"}, environment.clock.now())

    assert environment.asked.times == 1


@pytest.mark.parametrize(("decorated", "named"), [(False, True), (True, False)])
def test_the_event_names_the_invocation(decorated, named):
    """Where neither hook nor decorator does, lines get their request id from the event."""
    environment = Environment(hooked=False, decorated=decorated)
    environment.invoke("a", tracing={"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3"})
    assert ('"requestId":"a"' in environment.context.columns) is named

    environment.end("a")
    assert '"requestId":"a"' not in environment.context.columns


def test_a_hook_that_comes_later_names_invocations_itself():
    """Once the runtime client is hooked its ends count, and telemetry's are no news."""
    environment = Environment(hooked=False)
    assert environment.on_demand.ends_by_telemetry
    environment.on_demand.hooked()

    assert not environment.on_demand.ends_by_telemetry
    environment.invoke("a")
    assert '"requestId":"a"' not in environment.context.columns


def test_a_decorator_that_comes_later_names_invocations_itself():
    """From then on events leave the names of invocations alone."""
    environment = Environment(hooked=False)
    environment.on_demand.decorated()
    environment.invoke("a")

    assert '"requestId":"a"' not in environment.context.columns


def test_nobody_tells_the_end():
    """Without hook and telemetry the next event is asked for as soon as this one has come."""
    environment = Environment(hooked=False, sees_runtime_done=False)
    environment.invoke("a")
    assert environment.asked.times == 1


def test_switches_are_short_before_a_deadline():
    """The flush before a time-out does not wait for a function that computes, nor longer."""
    before = sys.getswitchinterval()
    environment = Environment()
    environment.invoke("a", seconds=60.0)
    environment.log()
    environment.tick(60.0 - EARLY_FLUSH)
    assert sys.getswitchinterval() == pytest.approx(SHORT_INTERVAL)
    assert environment.on_demand.wakes_at() is not None

    environment.deliveries.deliver()
    environment.tick(0.01)
    assert sys.getswitchinterval() == pytest.approx(before)


def test_sigterm_keeps_the_switches_short():
    """At SIGTERM they are the last flush's to give back."""
    before = sys.getswitchinterval()
    environment = Environment()
    environment.invoke("a", seconds=60.0)
    environment.log()
    environment.tick(60.0 - EARLY_FLUSH)
    environment.on_demand.signalled(environment.clock.now())
    environment.deliveries.deliver()
    environment.tick(0.01)

    assert sys.getswitchinterval() == pytest.approx(SHORT_INTERVAL)
    sys.setswitchinterval(before)


@pytest.mark.parametrize("sees", [True, False])
def test_what_telemetry_has_still_to_tell_at_sigterm(sees):
    """The end of the last invocation, whether it has ended or not, where telemetry tells ends."""
    environment = Environment(sees_runtime_done=sees)
    now = environment.clock.now()
    assert not environment.on_demand.signalled(now)
    environment.invoke("a")
    environment.end("a")
    environment.invoke("b")
    assert not environment.on_demand.told(["a"])
    assert environment.on_demand.signalled(now) == sees

    assert environment.on_demand.told(["a", "b"])
    assert not environment.on_demand.signalled(now)


def test_after_a_defect_the_next_event_is_asked_for():
    """Whatever was going on, the environment is not held for it."""
    environment = Environment()
    environment.invoke("a")
    environment.log()
    environment.end("a")
    environment.on_demand.failed(environment.clock.now())

    assert environment.asked.times == 1
    assert "waiting" in repr(environment.on_demand)


def test_what_came_with_the_environment_is_no_news():
    """Telemetry by itself asks for nothing."""
    environment = Environment()
    environment.on_demand.telemetry(environment.clock.now())

    assert (environment.deliveries.requests, environment.asked.times) == ([], 0)


def test_events_give_way_to_a_handler_whose_end_is_told():
    """Where a hook tells the end; not where lines are to be delivered while the handler runs."""
    environment = Environment("periodic")
    on_demand = environment.on_demand
    assert on_demand.gives_way(environment.clock.now())

    environment.log()
    assert on_demand.gives_way(environment.clock.now() + 9.9)
    assert not on_demand.gives_way(environment.clock.now() + 10)


def test_an_event_that_comes_after_its_handlers_end_is_seen_to_at_once():
    """It gives way to nobody: the environment is held until the next one is asked for."""
    environment = Environment("periodic")
    environment.end("a")
    assert not environment.on_demand.gives_way(environment.clock.now())

    environment.invoke("a")
    assert environment.asked.times == 1
    assert environment.on_demand.gives_way(environment.clock.now())


def test_an_event_that_names_the_invocation_gives_way_to_nobody():
    """Without a hook the first lines of a handler wait for its name."""
    assert not Environment(hooked=False).on_demand.gives_way(0.0)
