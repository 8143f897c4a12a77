from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from faults.targets import http as fuzz_http
from faults.targets import journal as fuzz_journal
from faults.targets import lines as fuzz_lines
from faults.targets import telemetry as fuzz_telemetry
from faults.targets.target import Target

TARGETS = [*fuzz_http.TARGETS, *fuzz_telemetry.TARGETS, *fuzz_journal.TARGETS, *fuzz_lines.TARGETS]

#: Inputs of each target here; `make fuzz` tries them by the million.
EXAMPLES = 150


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_input_breaks_a_reader(target: Target) -> None:
    """Whatever it is given, a reader keeps its promises (stated at each check)."""

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(target.inputs)
    def holds(given_input: object) -> None:
        target.check(given_input)

    holds()
