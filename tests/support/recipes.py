"""The functions of docs/recipes: what each installs, how it is deployed, and what its page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support import cloudformation, packages, versions
from support.e2e_lambda import ROOT
from tools import clients
from tools.libraries import REQUIREMENTS

RECIPES = ROOT / "docs" / "recipes"
NAMES = sorted(path.parent.name for path in RECIPES.glob("*/app.py"))
#: Those that CloudFormation deploys; the others have a tool of their own.
TEMPLATES = sorted(path.parent.name for path in RECIPES.glob("*/template.yaml"))
#: What has no wheel, and is built; all of it is pure Python.
_NO_WHEEL = {"zappa": ("--no-binary=placebo,kappa",)}
_BLOCK = re.compile(r"(?ms)^```(\w+)\n(.*?)^```$")


def requirements(name: str) -> tuple[str, ...]:
    """What a recipe installs."""
    return tuple((RECIPES / name / "requirements.txt").read_text().split())


def blocks(name: str, language: str) -> list[str]:
    """The blocks of a recipe's page in one language."""
    page = (RECIPES / name / "README.md").read_text(encoding="utf-8")
    return [text for kind, text in _BLOCK.findall(page) if kind == language]


def installed(name: str) -> Path:
    """A recipe's packages, installed once; or a skip with its reason."""
    wanted = requirements(name)
    label = "-".join(line.partition("==")[0] for line in wanted)
    if REQUIREMENTS.get(name) == wanted:  # the folder that tests/cases has
        label = name
    return packages.installed(label, versions.RUNNING, *wanted, *_NO_WHEEL.get(name, ()))


def code(name: str, scratch: Path) -> Path:
    """The function in a folder of its own, with its packages as people bundle them."""
    folder = scratch / "function"
    folder.mkdir()
    for path in (RECIPES / name).iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    for package in installed(name).iterdir():
        (folder / package.name).symlink_to(package)
    if name == "zappa":
        run_tool(name, folder, "zappa.cli", "save-python-settings-file", "dev")
    return folder


def run_tool(name: str, folder: Path, module: str, *words: str) -> None:
    """The command of a recipe's own tool, in a folder, without an account."""
    done = subprocess.run(
        [clients.interpreter(versions.RUNNING), "-c", _ENTRY.format(module=module), *words],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(installed(name)),
            "AWS_DEFAULT_REGION": cloudformation.REGION,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        },
        capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


#: What the tool's script in bin/ does.
_ENTRY = """
import importlib, sys
module = importlib.import_module({module!r})
sys.exit((getattr(module, "handle", None) or module.main)())
"""


def deployment(name: str) -> tuple[str, Mapping[str, Any]]:
    """A recipe's handler and variables, as its template or its tool's settings have them."""
    folder = RECIPES / name
    if name == "chalice":
        stage = json.loads((folder / ".chalice" / "config.json").read_text())["stages"]["dev"]
        return "app.app", stage["environment_variables"]
    if name == "zappa":
        stage = json.loads((folder / "zappa_settings.json").read_text())["dev"]
        return "zappa.handler.lambda_handler", stage["aws_environment_variables"]
    function = cloudformation.load(folder / "template.yaml")["Resources"]["Function"]["Properties"]
    return function["Handler"], function["Environment"]["Variables"]
