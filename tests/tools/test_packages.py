"""Wheel and sdist: nothing of the package is left out, and the tests travel with the sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "firehose_logging"

#: Made by tools and tests, in no clone.
MADE = (
    ".*cache", ".coverage*", ".demo", ".git", ".hypothesis", ".venv*", ".aws-sam",
    "*.egg-info", "__pycache__", "build", "htmlcov",
)  # fmt: skip

IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import firehose_logging
for module in pkgutil.walk_packages(firehose_logging.__path__, "firehose_logging."):
    if module.name.rpartition(".")[2] in ("__main__", "_launch", "_program"):
        continue  # programs
    found = importlib.import_module(module.name)
    assert found.__file__.startswith(sys.argv[1]), found.__file__
    print(module.name)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, without what tools and tests have made beside them."""
    folder = tmp_path_factory.mktemp("sources") / "tree"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*MADE), symlinks=True)
    return folder


@pytest.fixture(scope="module")
def packages(tree: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from it."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"]
    done = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,) = (tree / "dist").glob("*.tar.gz")
    (wheel,) = (tree / "dist").glob("*.whl")
    return sdist, wheel


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_wheel_holds_every_wing(packages: tuple[Path, Path], tmp_path: Path) -> None:
    """Each module and data file of the package is in the wheel, nothing else, and imports."""
    with zipfile.ZipFile(packages[1]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        archive.extractall(tmp_path)
    files = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert names == files
    done = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", "-c", IMPORT_ALL, tmp_path],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wings = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert wings <= {name.partition(".")[2] for name in done.stdout.split()}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_sdist_holds_what_its_tests_need(packages: tuple[Path, Path], tree: Path) -> None:
    """Every file of the repository is in the sdist, but for what only git reads."""
    with tarfile.open(packages[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    files = {
        str(path.relative_to(tree))
        for path in tree.rglob("*")
        if path.is_file() and path.relative_to(tree).parts[0] != "dist"
    }

    assert {name for name in files - names if ".egg-info/" not in name} <= {".gitignore"}
