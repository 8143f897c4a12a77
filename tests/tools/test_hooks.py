"""The hooks before a commit look at what `make lint` looks at, and need no network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
REPOS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for hook in REPOS[0]["hooks"]}
SCRIPTS = re.findall(r"(?m)^SCRIPTS := (.+)$", (ROOT / "Makefile").read_text())[0].split()


def test_nothing_is_fetched() -> None:
    """All hooks are the repository's own: programs of requirements/dev.txt."""
    assert [repo["repo"] for repo in REPOS] == ["local"]
    for hook in HOOKS.values():
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")


@pytest.mark.parametrize("name", ["ruff-check", "ruff-format"])
def test_python(name: str) -> None:
    """Ruff gets what it finds by itself: files with Python's endings."""
    wanted = re.compile(HOOKS[name]["files"])

    assert wanted.search("tools/rie.py")
    assert not wanted.search("tests/support/adapter/lambda-adapter")


def test_shell_scripts() -> None:
    """Shellcheck gets the scripts that the Makefile names, and they are there."""
    wanted = re.compile(HOOKS["shellcheck"]["files"])

    assert all(wanted.search(script) for script in SCRIPTS)
    assert all((ROOT / script).is_file() for script in SCRIPTS)
    assert not wanted.search("tests/functions/web/run.sh")


def test_the_makefile_has_the_same_programs() -> None:
    """Each hook's program is one that `make lint` runs."""
    lint = subprocess.run(
        ["make", "--dry-run", "--always-make", "lint"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=50,
    ).stdout  # fmt: skip
    programs = {hook["entry"].split()[0].rpartition("/")[2] for hook in HOOKS.values()}

    assert all(f"/{program} " in lint for program in programs)
