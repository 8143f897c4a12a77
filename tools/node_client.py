"""AWS's runtime client for Node, fetched from npm, as it is published."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from tools.clients import UnavailableError
from tools.locks import alone

VERSION = "4.0.2"
FOLDER = Path(__file__).resolve().parent.parent / "build" / "strangers"
#: Seconds for npm: it fetches a hundred packages.
INSTALL_SECONDS = 500.0


@functools.cache
def program() -> Path:
    """The client's program; UnavailableError without node, npm or a network.

    The package holds its native part for Linux; its install scripts would build it anew.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise UnavailableError("no node and npm on this machine")
    target = FOLDER / f"aws-lambda-ric-{VERSION}"
    found = target / "node_modules" / "aws-lambda-ric" / "index.mjs"
    with alone(target):
        if not found.exists():
            _install(target)
    return found


def installed() -> bool:
    """Whether it is there already."""
    folder = FOLDER / f"aws-lambda-ric-{VERSION}"
    return (folder / "node_modules" / "aws-lambda-ric" / "index.mjs").exists()


def _install(target: Path) -> None:
    scratch = FOLDER / f".aws-lambda-ric-{os.getpid()}"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix",
             str(scratch), f"aws-lambda-ric@{VERSION}"],
            capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            raise UnavailableError(f"npm: {done.stderr.strip()[-200:]}")
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"npm took over {INSTALL_SECONDS:g} s") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
