"""A pytest plugin that says with each test where it stands: in every process that runs tests.

The place goes along with the test's report, as a property, to the process that writes the tables.
There is no assertion in it, and it may have been imported before pytest runs: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.tables import Place

if TYPE_CHECKING:
    import pytest

#: The property's name.
PROPERTY = "conformance"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note with each test its number, its place, and the columns in which its rule does not hold.

    The numbers give the order of rows and columns, in whatever order the tests end.
    """
    for number, item in enumerate(items):
        mark = item.get_closest_marker("conformance")
        place = place_of(item, mark) if mark is not None else None
        if mark is not None and place is not None:
            absent = dict(mark.kwargs.get("absent", {}))
            item.user_properties.append((PROPERTY, [number, list(place), absent]))


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
