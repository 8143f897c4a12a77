"""CONTRIBUTING.md against the tree: what it names is there, and its numbers are the tests'."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
WALKS = TEXT[TEXT.index("## Five walks") : TEXT.index("## What must stay true")]
#: What stands between backticks and looks like a file or a folder.
NAMED = sorted(set(re.findall(r"`([\w./-]+(?:\.\w+|/))`", WALKS)))


def find(name: str) -> bool:
    """Whether a file is there: from the root, within the package, or beside others of its walk."""
    places = [ROOT / name, ROOT / "firehose_logging" / name]
    places += [path / name for path in (ROOT / "firehose_logging").iterdir() if path.is_dir()]
    places += [ROOT / "local_lambda" / name]
    return any(place.exists() for place in places)


def test_there_are_five_walks():
    """A loss reason, a sink, an event, a variable, a source: each is numbered from 1 on."""
    assert len(re.findall(r"(?m)^1\. ", WALKS)) == 5
    assert len(NAMED) > 25


@pytest.mark.parametrize("name", NAMED)
def test_a_walk_names_what_is_there(name):
    """Each file and folder of the walks exists."""
    assert find(name)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`make ([a-z-]+)", TEXT))))
def test_targets_are_there(name):
    """Each target that is named is one of the Makefile's."""
    assert re.search(rf"(?m)^{name}:", (ROOT / "Makefile").read_text())


def test_lengths_are_those_that_are_counted():
    """The most lines of a file and of a function are the numbers of the architecture's test."""
    counted = (ROOT / "tests/package/test_architecture.py").read_text()
    file, function = re.findall(r"(?m)^MAX_(?:FILE|FUNCTION) = (\d+)$", counted)

    assert f"never {file} (a test counts)" in TEXT
    assert f"shorter than {function}." in TEXT


def test_the_least_coverage_is_the_one_that_is_asked_for():
    """The figure in the table is the one in setup.cfg."""
    (least,) = re.findall(r"(?m)^fail_under = (\d+)$", (ROOT / "setup.cfg").read_text())

    assert f"{least} % is the least" in TEXT
