"""Which tests failed, and why, as a pytest plugin.

    pytest -p tools.failures --failures FILE

writes them to a file as JSON when the tests are through: ``{"tests/a.py::test": ["call: ..."]}``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

#: Lines that say why a test failed. The rest stands further up in the output.
MOST_LINES = 12
LINE_WIDTH = 300


class Failures:
    """Keeps which tests failed, in all processes, and why."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed, in its set-up and tear-down too."""
        if report.failed:
            why = reasons(report.longreprtext)
            self.tests.setdefault(report.nodeid, []).append(f"{report.when}: {why}")


def reasons(text: str) -> str:
    """Of a failure's text the lines that say why: what pytest marks so, else the last ones."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith("E ")]
    chosen = marked[:MOST_LINES] or lines[-MOST_LINES:]
    return "".join(f"\n    {line[:LINE_WIDTH]}" for line in chosen)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--failures`` names the file."""
    parser.addoption("--failures", type=Path, help="by tools/failures.py")


def pytest_configure(config: pytest.Config) -> None:
    """Keep them from the start."""
    if config.getoption("--failures") is not None:
        config.pluginmanager.register(Failures(), "failures-kept")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write them."""
    kept = session.config.pluginmanager.get_plugin("failures-kept")
    if isinstance(kept, Failures):
        session.config.getoption("--failures").write_text(json.dumps(kept.tests), "utf-8")
