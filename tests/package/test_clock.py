from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from firehose_logging import _clock
from firehose_logging._clock import SystemClock
from support.e2e_lambda import deployed


@pytest.fixture
def machine(monkeypatch):
    """The clocks of a machine: ``wall``, ``monotonic``, and ``lag`` between two readings."""
    machine = SimpleNamespace(wall=1_790_000_000.0, monotonic=100.0, lag=0.0)

    def monotonic():
        machine.monotonic += machine.lag
        return machine.monotonic

    faked = SimpleNamespace(monotonic=monotonic, time=lambda: machine.wall)
    monkeypatch.setattr(_clock, "time", faked)
    return machine


def test_a_freeze_that_the_monotonic_clock_slept_through(machine):
    """What the wall clock has gained is added, once for each freeze."""
    clock = SystemClock()
    assert clock.now() == 100.0

    machine.wall += 300
    assert clock.now() == 100.0
    for _ in range(3):
        clock.catch_up()
        assert clock.now() == pytest.approx(400.0)

    machine.wall += 60 + 1
    machine.monotonic += 1
    clock.catch_up()
    assert clock.now() == pytest.approx(461.0)


def test_a_freeze_that_the_monotonic_clock_counted(machine):
    """Where both clocks went on nothing is added."""
    clock = SystemClock()
    machine.wall += 300
    machine.monotonic += 300

    clock.catch_up()

    assert clock.now() == 400.0
    assert clock.now.__name__ == "monotonic"


def test_a_wall_clock_put_back_changes_nothing(machine):
    """``now`` never goes back, and counts freezes from there as before."""
    clock = SystemClock()
    machine.wall -= 3_600
    clock.catch_up()
    assert clock.now() == 100.0

    machine.wall += 20
    clock.catch_up()
    assert clock.now() == pytest.approx(120.0)


def test_an_interruption_between_two_readings_is_no_freeze(machine):
    """On a busy machine the clocks are read at different times; the next look decides."""
    clock = SystemClock()
    machine.lag = 1.0
    machine.wall += 10
    clock.catch_up()
    assert clock.now.__name__ == "monotonic"

    machine.lag = 0.0
    machine.wall += machine.monotonic - 100.0
    clock.catch_up()
    assert clock.now() == pytest.approx(machine.monotonic + 10)


def test_small_differences_are_no_freeze(machine):
    """Clocks that are corrected slowly never add up to one."""
    clock = SystemClock()
    machine.wall += 0.04
    clock.catch_up()

    assert clock.now() == 100.0


def test_before_any_freeze_nothing_is_added_to_a_reading():
    """A log call reads the clock: it is the interpreter's own function."""
    assert SystemClock().now is time.monotonic


#: A minute passes with each invocation, for the wall clock alone.
SLEEPS = """
import logging
import time

real, minutes = time.time, 0
time.time = lambda: real() + minutes * 60


def handler(event, context):
    global minutes
    minutes += 1
    logging.getLogger().warning("in minute %s", minutes)
"""


@pytest.mark.e2e
@pytest.mark.parametrize(("policy", "at_least"), [("adaptive", 48), ("periodic", 30)])
def test_silences_count_where_the_clock_stands_still(tmp_path, policy, at_least):
    """Invocations a minute apart are sparse, and their lines due, whatever monotonic time says."""
    (tmp_path / "app.py").write_text(SLEEPS)
    with deployed(tmp_path, {"FIREHOSE_LOGGING_FLUSH": policy}) as run:
        for _ in range(60):
            run.invoke()
        calls = len(run.firehose.ledger.calls)
        run.shutdown()
        # A call that a minute passes in is taken for lost and made again: told apart by seq.
        said = {line["seq"] for line in run.lines if line["type"] == "function"}
        assert len(said) == 60

    # `adaptive` delivers at the end of each, `periodic` at the beginning of the next; some fall
    # together, as the minute passes while they run. Without a look at the wall clock: 38 and 0.
    assert calls >= at_least
