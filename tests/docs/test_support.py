"""docs/support.md against what it speaks of: Pythons, tests that it names, the wheel's metadata."""

from __future__ import annotations

import configparser
import re

from support.pages import ROOT
from tools.interpreters import LAMBDA_MINORS

PAGE = (ROOT / "docs" / "support.md").read_text(encoding="utf-8")


def test_the_table_has_every_python_and_no_other() -> None:
    """Those of the layer, of the wheel's classifiers, and of the table are the same."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    classified = re.findall(r"Python :: 3\.(\d+)", setup["metadata"]["classifiers"])
    rows = "".join(re.findall(r"(?m)^\| Python .*? \|", PAGE))

    assert sorted(map(int, re.findall(r"3\.(\d+)", rows))) == list(LAMBDA_MINORS)
    assert sorted(map(int, classified)) == list(LAMBDA_MINORS)


def test_what_shows_things_is_there() -> None:
    """Each test that the page names exists."""
    named = re.findall(r"`(tests/[\w/.]+)`", PAGE)

    assert len(named) >= 6
    for path in named:
        assert (ROOT / path).exists(), path


def test_what_it_says_about_the_wheel() -> None:
    """The metadata has what the page says, and no address that does not exist."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    metadata = setup["metadata"]

    for name in ("name", "version", "author", "license", "classifiers"):
        assert metadata[name]
    assert "cli" in setup["options.extras_require"]
    assert ("url" in metadata or "project_urls" in metadata) == ("no project URLs" not in PAGE)
