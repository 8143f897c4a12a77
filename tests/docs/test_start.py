"""docs/start.md: every command of it, word by word, in a clean clone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import versions
from support.e2e_lambda import ROOT

PAGE = ROOT / "docs" / "start.md"
OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHON", "VENV"}
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.conformance(table="Start here", columns=["word by word"]),
]


def commands() -> list[str]:
    """The page's shell blocks in their order."""
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))


def clone(folder: Path) -> None:
    """A clone of what is here, changes that are not committed yet included."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in files:
        if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)  # no younger than what was made of it


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: an sdist has no git")
def test_every_command_runs_as_it_stands(tmp_path: Path) -> None:
    """From an empty folder to an answer in SQL and a report over one's own lines."""
    clone(tmp_path)
    if not versions.WHOLE:  # the set-up itself is what CI does before it comes here
        (tmp_path / ".venv").symlink_to(sys.prefix)
        (tmp_path / "build").mkdir()
        (tmp_path / "build" / "rie").symlink_to(ROOT / "build" / "rie")
        if (ROOT / "build" / "wheels").exists():
            (tmp_path / "build" / "wheels").symlink_to(ROOT / "build" / "wheels")
    shown = []
    # What `make test` was given is no concern of the make in here.
    variables = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    for command in commands():
        done = subprocess.run(
            ["bash", "-e", "-u", "-c", command],
            cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        shown.append(done.stdout)
    text = "\n".join(shown)

    assert len(shown) >= 7
    assert "answer after" in text
    assert '"done"' in text
    assert re.search(r"INFO +order received", text)
    assert re.search(r"INFO +price per item: 25.0", text)
    assert re.search(r"ERROR +ZeroDivisionError: division by zero", text)
    assert re.search(r"1 +4", text)  # the extras of the first order
    assert "none missing" in text
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "ZeroDivisionError" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
