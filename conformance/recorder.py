"""A pytest plugin that notes how each test with the marker ``conformance`` ended, and where."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance.places import PROPERTY
from conformance.tables import ABSENT, FAILED, KNOWN, PASSED, SKIPPED, Place, Tables


class Recorder:
    """Collects the outcomes of one run, also of one in several processes.

    ``conformance.places`` must be a plugin of each of them.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        #: Tests by outcome.
        self.count: Counter[str] = Counter()
        #: Ids of the tests that failed.
        self.failed: list[str] = []
        #: How many of them have passed when they were run once more.
        self.second_tries = 0
        #: Whether every test that was selected has run.
        self.complete = False
        self._places: dict[str, Place] = {}
        # By the test's number in the order of collection.
        self._outcomes: list[tuple[int, Place, str, str]] = []
        self._absent: list[tuple[int, Place, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended."""
        if report.when != "call" and report.passed:
            return
        if report.failed:
            outcome, reason = FAILED, ""
        elif report.skipped:
            outcome, reason = SKIPPED, _reason(report)
        else:
            outcome, reason = PASSED, ""
        self.count[outcome] += 1
        if outcome == FAILED and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)
        found = dict(report.user_properties).get(PROPERTY)
        if isinstance(found, (list, tuple)):
            number, parts, absent = found
            place = self._places[report.nodeid] = Place(*parts)
            known = outcome == SKIPPED and hasattr(report, "wasxfail")
            self._outcomes.append((number, place, KNOWN if known else outcome, reason))
            for column, why in absent.items():
                self._absent.append((number, place._replace(column=column), why))

    def take_second_tries(self, again: Recorder) -> None:
        """Take over what came of running the failed tests, and nothing else, once more."""
        passed = [test for test in self.failed if test not in again.failed]
        failing = {self._places.get(test) for test in again.failed}
        for test in passed:
            place = self._places.get(test)
            if place is not None and place not in failing:
                self.tables.passed_again(place)
        self.second_tries = len(passed)
        self.count[FAILED] -= len(passed)
        self.count[PASSED] += len(passed)
        self.failed = again.failed

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Fill the tables; a run that was not interrupted is complete, failures or not."""
        for _, place, outcome, reason in sorted(self._outcomes, key=lambda each: each[0]):
            self.tables.add(place, outcome, reason)
        # Last, so that tests give the order of columns.
        for _, place, reason in sorted(self._absent, key=lambda each: each[0]):
            self.tables.add(place, ABSENT, reason)
        self.complete = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def _reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail)
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ").replace("\n", " ").strip()
