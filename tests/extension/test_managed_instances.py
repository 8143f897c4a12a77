from __future__ import annotations

import pytest

from firehose_logging._extension.managed_instances import RECOVER_EVERY, ManagedInstances


class Parts:
    """What the mode is given: both only count."""

    def __init__(self) -> None:
        self.asked = 0
        self.recovered = 0
        self.trouble: OSError | None = None

    def ask(self, now: float) -> None:
        self.asked += 1

    def recover(self) -> None:
        self.recovered += 1
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def parts():
    """Fresh ones."""
    return Parts()


def test_whatever_comes_is_asked_for_again(parts):
    """No event is expected; one that comes, or a defect of ours, changes nothing."""
    mode = ManagedInstances(parts, parts)
    mode.event({"eventType": "SOMETHING"}, 100.0)
    mode.failed(100.0)

    assert parts.asked == 2


def test_crashed_workers_are_looked_for_now_and_then(parts):
    """Telemetry is the occasion, a minute the pause, and SIGTERM the last moment."""
    mode = ManagedInstances(parts, parts)
    mode.telemetry(100.0)
    mode.telemetry(100.0 + RECOVER_EVERY - 1)
    assert parts.recovered == 1
    mode.telemetry(100.0 + RECOVER_EVERY)
    mode.signalled(100.0 + RECOVER_EVERY + 1)

    assert parts.recovered == 3


def test_a_journal_that_cannot_be_read_is_told(parts, capfd):
    """It costs the old lines and nothing else."""
    parts.trouble = OSError("no such device")
    ManagedInstances(parts, parts).signalled(100.0)

    assert "no such device" in capfd.readouterr().err


def test_invocations_change_nothing(parts):
    """Deliveries run in the background: no end is waited for and no timer runs."""
    mode = ManagedInstances(parts, parts)
    mode.hooked()
    mode.decorated()
    mode.ended("a", 100.0)
    mode.tick(100.0)

    assert (parts.asked, parts.recovered, mode.wakes_at()) == (0, 0, None)
    assert not mode.ends_by_telemetry
