"""The function's own switch interval: made short for a flush, given back after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from firehose_logging._switch_interval import SHORT_INTERVAL, SwitchInterval


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_shortened_and_given_back():
    """The function has its interval again afterwards, however often it was shortened."""
    sys.setswitchinterval(0.01)
    switches = SwitchInterval()

    switches.shorten()
    switches.shorten()

    assert sys.getswitchinterval() == pytest.approx(SHORT_INTERVAL, abs=1e-6)

    switches.restore()

    assert sys.getswitchinterval() == pytest.approx(0.01)


def test_a_shorter_one_is_left_alone():
    """What is quick already is not made slower."""
    sys.setswitchinterval(0.0001)
    switches = SwitchInterval()

    switches.shorten()

    assert sys.getswitchinterval() == pytest.approx(0.0001)


def test_what_the_function_sets_meanwhile_stays():
    """The function's own choice is newer than the one we kept."""
    switches = SwitchInterval()
    switches.shorten()
    sys.setswitchinterval(0.02)

    switches.restore()

    assert sys.getswitchinterval() == pytest.approx(0.02)
