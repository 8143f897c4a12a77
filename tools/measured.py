"""Which tests measure the package's coverage, as a pytest plugin.

    pytest -p tools.measured --measured only

The quick tests do, and those of the command: they run the package in their own process. Those
that start environments look at it from outside, and those that raise between any two
instructions would raise within the tracer.
"""

from __future__ import annotations

import pytest

#: Folders of tests/ whose tests run the package in their own process.
FOLDERS = ("capture", "cli", "delivery", "extension", "firehose", "line", "package", "properties")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--measured`` takes these tests alone, or all others."""
    parser.addoption("--measured", choices=("only", "not"), help="by tools/measured.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that are asked for."""
    wanted = config.getoption("--measured")
    if wanted is None:
        return
    kept = [item for item in items if is_measured(item) == (wanted == "only")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def is_measured(item: pytest.Item) -> bool:
    """Whether a test measures."""
    folder = item.path.parent.name
    if folder not in FOLDERS or item.get_closest_marker("interrupts"):
        return False
    return folder == "cli" or not item.get_closest_marker("e2e")
