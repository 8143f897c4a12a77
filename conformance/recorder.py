"""A pytest plugin that notes how each test with the marker ``conformance`` ended, and where."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from conformance.tables import ABSENT, FAILED, KNOWN, PASSED, SKIPPED, Place, Tables


class Recorder:
    """Collects the outcomes of one run."""

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
        self._absent: list[tuple[Place, str]] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note where each test stands, and where its rule does not hold."""
        for item in items:
            mark = item.get_closest_marker("conformance")
            if mark is None:
                continue
            place = place_of(item, mark)
            if place is None:
                continue
            self._places[item.nodeid] = place
            for column, reason in mark.kwargs.get("absent", {}).items():
                self._absent.append((place._replace(column=column), reason))

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
        place = self._places.get(report.nodeid)
        if place is not None:
            known = outcome == SKIPPED and hasattr(report, "wasxfail")
            self.tables.add(place, KNOWN if known else outcome, reason)

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
        """A run that was not interrupted is complete, failures or not."""
        for place, reason in self._absent:  # last, so that tests give the order of columns
            self.tables.add(place, ABSENT, reason)
        self.complete = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def place_of(item: pytest.Item, mark: pytest.Mark) -> Place | None:
    """The place of a test, from its marker, docstring and parameters; None: in no column."""
    callspec = getattr(item, "callspec", None)
    parameters: dict[str, Any] = callspec.params if callspec is not None else {}
    if not set(mark.kwargs.get("columns", ())) <= set(parameters):
        return None
    section, columns = "", []
    for name in mark.kwargs.get("columns", ()):
        value = parameters[name]
        if isinstance(value, tuple):  # a Python and a runtime client (tests/support/versions.py)
            section = f"Python {value[0]}"
            value = f"client {value[1]}"
        columns.append(str(value))
    docstring = getattr(item.obj, "__doc__", None) or item.name  # type: ignore[attr-defined]
    rule = docstring.strip().partition("\n")[0].replace("|", "\\|")
    rows = [str(parameters[name]) for name in mark.kwargs.get("rows", ())]
    row = ": ".join([*rows, rule])
    return Place(mark.kwargs["table"], section, row, " · ".join(columns) or "result")


def _reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail)
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ").replace("\n", " ").strip()
