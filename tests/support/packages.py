"""Other people's packages, installed once, beside the code of a function as people bundle them."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import versions
from tools import clients
from tools.libraries import REQUIREMENTS

PACKAGES = clients.ROOT / "build" / "packages"


def installed(name: str, python: str = versions.RUNNING, *requirements: str) -> Path:
    """A folder with a library for a version of Python, or a skip that says why there is none.

    ``requirements``: none given takes those of ``tools.libraries``.
    """
    wanted = requirements or REQUIREMENTS[name]
    try:
        return clients.packages(f"{name}-{python}", python, *wanted, folder=PACKAGES)
    except clients.UnavailableError as error:
        pytest.skip(str(error))


def add(code: Path, *names: str, python: str = versions.RUNNING) -> None:
    """Put libraries beside a function's code, by links."""
    for name in names:
        for package in installed(name, python).iterdir():
            if not (code / package.name).exists():
                (code / package.name).symlink_to(package)
