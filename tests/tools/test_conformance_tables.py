"""The tables of docs/conformance.md, and where a test stands in them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conformance import page
from conformance.places import place_of
from conformance.recorder import Recorder
from conformance.tables import ABSENT, FAILED, PASSED, SKIPPED, Place, Tables

pytest_plugins = ["pytester"]


def place(row: str = "A rule.", column: str = "here", section: str = "") -> Place:
    """A place in the table "T"."""
    return Place("T", section, row, column)


def test_cells_say_what_came_of_their_tests() -> None:
    """One failure fails a cell, one pass passes it; reasons are told under the table, once."""
    tables = Tables()
    for outcome in (PASSED, FAILED):
        tables.add(place("One.", "x"), outcome)
    for outcome, reason in ((SKIPPED, "no such Python"), (PASSED, "")):
        tables.add(place("Two.", "x"), outcome, reason)
    tables.add(place("One.", "y"), ABSENT, "not there")
    tables.add(place("Two.", "y"), SKIPPED, "no such Python")

    assert tables.markdown().splitlines() == [
        "## T",
        "",
        "| | x | y |",
        "|---|---|---|",
        "| One. | **failed** | n/a (1) |",
        "| Two. | passed (2) | skipped (2) |",
        "",
        "1. not there",
        "2. no such Python",
    ]
    assert tables.failures == [place("One.", "x")]
    assert not tables.unanswered


def test_a_rule_without_a_test_is_told() -> None:
    """A column in which a rule has neither test nor reason is a hole."""
    tables = Tables()
    tables.add(place("One.", "x"), PASSED)
    tables.add(place("Two.", "y"), PASSED)

    assert tables.unanswered == [place("One.", "y"), place("Two.", "x")]
    assert "| One. | passed | — |" in tables.markdown()


def test_many_versions_are_tables_of_their_own() -> None:
    """Sections stand beside each other where there is room, else one under the other, in order."""
    for clients, beside in ((2, True), (6, False)):
        tables = Tables()
        for python in ("3.9", "3.10", "3.11"):
            for client in range(clients):
                tables.add(place(column=f"client {client}", section=f"Python {python}"), PASSED)
        text = tables.markdown()
        heads = [line for line in text.splitlines() if line.startswith(("### ", "| |"))]

        assert len(heads) == (1 if beside else 6)
        order = [text.index(f"Python {version}") for version in ("3.9", "3.10", "3.11")]
        assert order == sorted(order)


def item(parameters: dict[str, Any] | None, doc: str = "A rule.\n\n    More.") -> Any:
    """As much of a collected test as is looked at."""
    callspec = None if parameters is None else SimpleNamespace(params=parameters)
    return SimpleNamespace(name="test_it", obj=SimpleNamespace(__doc__=doc), callspec=callspec)


@pytest.mark.parametrize(
    ("parameters", "mark", "expected"),
    [
        ({"platform": "RIE"}, {"columns": ["platform"]}, place(column="RIE")),
        (
            {"pair": ("3.12", "4.2.2"), "base": "slim"},
            {"columns": ["base", "pair"]},
            place(column="slim · client 4.2.2", section="Python 3.12"),
        ),
        (
            {"order": "before", "name": "loguru"},
            {"columns": ["order"], "rows": ["name"]},
            place("loguru: A rule.", "before"),
        ),
        (None, {"columns": []}, place(column="result")),
        (None, {"columns": ["platform"]}, None),
    ],
)
def test_where_a_test_stands(
    parameters: dict[str, Any] | None, mark: dict[str, Any], expected: Place | None
) -> None:
    """Its docstring is the row, its parameters the column; without them it is in no table."""
    decorator = pytest.mark.conformance(table="T", **mark)

    assert place_of(item(parameters), decorator.mark) == expected


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one", "several"])
def test_a_run_is_noted(pytester: pytest.Pytester, processes: tuple[str, ...]) -> None:
    """Outcomes of calls and set-ups, with their reasons; errors of a fixture are failures.

    In one process or several the tables are the same.
    """
    pytester.makeconftest(
        "def pytest_configure(config):\n"
        "    config.addinivalue_line('markers', 'conformance(table, columns): where')\n"
    )
    pytester.makepyfile(
        """
        import pytest
        pytestmark = pytest.mark.conformance(table="T", columns=["x"], absent={"z": "why not"})
        @pytest.fixture
        def broken():
            raise OSError
        @pytest.mark.parametrize("x", "abc")
        def test_one(x):
            '''One.'''
            if x == "b":
                pytest.skip("not here")
            assert x == "a"
        @pytest.mark.parametrize("x", "a")
        def test_two(x, broken):
            '''Two.'''
        def test_three():
            '''Three.'''
        """
    )
    recorder = Recorder()
    plugins = ("-p", "no:cacheprovider", "-p", "conformance.places")
    pytester.inline_run(*plugins, *processes, plugins=[recorder])

    assert recorder.complete
    assert recorder.count == {PASSED: 2, SKIPPED: 1, FAILED: 2}
    assert {(p.row, p.column) for p in recorder.tables.failures} == {("One.", "c"), ("Two.", "a")}
    text = recorder.tables.markdown()
    assert "| One. | passed | skipped (1) | **failed** | n/a (2) |" in text
    assert "1. not here\n2. why not" in text


def test_second_tries_are_told() -> None:
    """What passed when it was run again is a pass that says so; a cell is as its worst test."""
    first, again = Recorder(), Recorder()
    for test, row in (("a", "One."), ("b", "Two."), ("c", "Two.")):
        first._places[test] = place(row, "x")
        first.tables.add(place(row, "x"), FAILED)
        first.failed.append(test)
    again.failed.append("c")
    first.count[FAILED] = 3
    first.take_second_tries(again)

    text = first.tables.markdown()
    assert "| One. | passed (1) |\n| Two. | **failed** |" in text
    assert "1. a test passed at the second try only" in text
    assert (first.second_tries, first.failed) == (2, ["c"])
    assert first.count == {PASSED: 2, FAILED: 1}


def test_the_page_has_a_place_for_the_tables() -> None:
    """What is written by hand ends where the command goes on."""
    assert page.PAGE.read_text().count(page.MARK) == 1
