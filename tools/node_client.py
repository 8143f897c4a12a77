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
#: Seconds for npm: it fetches a hundred packages and builds curl.
INSTALL_SECONDS = 500.0
#: What the package's own scripts build its native part with.
COMPILERS = ("cmake", "make", "g++", "xz")


@functools.cache
def program() -> Path:
    """The client's program; UnavailableError without node, npm, compilers or a network.

    npm's scripts build its native part, curl included, in a minute or two.
    """
    missing = [name for name in ("node", "npm", *COMPILERS) if shutil.which(name) is None]
    if missing:
        raise UnavailableError(f"not on this machine: {', '.join(missing)}")
    with alone(FOLDER / f"aws-lambda-ric-{VERSION}"):
        if not installed():
            _install(FOLDER / f"aws-lambda-ric-{VERSION}")
    return _package() / "index.mjs"


def installed() -> bool:
    """Whether it is there already."""
    return (_package() / "rapid-client.node").exists()


def _package() -> Path:
    return FOLDER / f"aws-lambda-ric-{VERSION}" / "node_modules" / "aws-lambda-ric"


def _headers() -> dict[str, str]:
    """Where node's own headers are, if they came with it: they need not be fetched then."""
    node = Path(str(shutil.which("node"))).resolve()
    prefix = node.parent.parent
    found = (prefix / "include" / "node" / "node.h").exists()
    return {"npm_config_nodedir": str(prefix)} if found else {}


def _install(target: Path) -> None:
    scratch = FOLDER / f".aws-lambda-ric-{os.getpid()}"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(scratch),
             f"aws-lambda-ric@{VERSION}"],
            capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False,
            env={**os.environ, **_headers()},
        )  # fmt: skip
        if done.returncode:
            raise UnavailableError(f"npm: {done.stderr.strip()[-200:]}")
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"npm took over {INSTALL_SECONDS:g} s") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
