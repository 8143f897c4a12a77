"""Variables that the docs, templates and recipes name: each exists, and takes the value shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firehose_logging.settings import Settings
from support.pages import PAGES, ROOT

FILES = [
    *(page for page in PAGES if page.name != "CHANGELOG.md"),
    ROOT / "template.yaml",
    *sorted((ROOT / "deploy").rglob("*.yaml")),
    *sorted((ROOT / "docs" / "recipes").rglob("*.yaml")),
]
_SETS = re.compile(r"\b(FIREHOSE_LOGGING_[A-Z_]+)(?:=|: )\"?([^\s`\"|)]*)")
_NAMES = re.compile(r"\bFIREHOSE_LOGGING_[A-Z_]+\b")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_named_is_a_setting(path: Path) -> None:
    """A name that does not exist, or a value that would be refused, fails here."""
    text = path.read_text(encoding="utf-8")
    reports: list[str] = []
    for name in set(_NAMES.findall(text)):
        if not name.endswith("_"):  # the beginning of all of them
            Settings.from_env({name: ""}, reports.append)
    for name, shown in _SETS.findall(text):
        value = shown.rstrip(".,;:'")
        if value and value[0] not in "!$<.":  # what a template puts in, or the reader
            Settings.from_env({name: value}, reports.append)

    assert reports == []
