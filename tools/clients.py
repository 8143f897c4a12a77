"""Released versions of the runtime client for the interpreters of this machine, installed once."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.interpreters import LAMBDA_MINORS, find_interpreters
from tools.locks import alone

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "clients"

#: Lambda's own runtimes, the one in preview included; what is not here is told as such.
PYTHONS = tuple(f"3.{minor}" for minor in LAMBDA_MINORS)

#: Lambda's own runtimes have changed client within a version of Python, and images pin any of
#: these: one of each line that differs in what we hook.
VERSIONS = ("2.0.12", "2.2.1", "3.0.2", "3.1.1", "4.0.1", "4.2.2")
NEWEST = VERSIONS[-1]
#: What MultiConcurrentRunner came with, so what Managed Instances need.
MANAGED_VERSIONS = ("4.0.1", "4.2.2")
#: The hooks came with 3.0.
SNAPSTART_VERSIONS = VERSIONS[2:]
#: Seconds that an installation may take.
INSTALL_TIMEOUT = 300.0


class UnavailableError(Exception):
    """Cannot be had on this machine; the message says why."""


@functools.cache
def interpreters() -> dict[str, Path]:
    """Version ("3.11") to interpreter, outside of any virtual environment where there is one."""
    found = find_interpreters()
    running = f"3.{sys.version_info.minor}"
    base = Path(sys.base_prefix) / "bin" / f"python{running}"
    if base.exists():
        found[running] = base
    return found


def interpreter(version: str) -> Path:
    """The interpreter of that version; UnavailableError without one."""
    try:
        return interpreters()[version]
    except KeyError:
        raise UnavailableError(f"Python {version} is not on this machine") from None


@functools.cache
def client(version: str, python: str) -> Path:
    """A folder with awslambdaric ``version`` for Python ``python`` ("3.12"), and boto3 beside it.

    UnavailableError where there is no wheel of it, or no network to get it from.
    """
    folder = packages(f"{version}-py{python}", python, f"awslambdaric=={version}")
    # Pure Python, and the same for all: by a link, not a copy each.
    boto3 = packages("boto3", min(interpreters(), key=_minor), "boto3")
    with alone(folder):
        for package in boto3.iterdir():
            link = folder / package.name
            if not link.exists() and package.name != "complete":
                link.symlink_to(os.path.relpath(package, folder))
    return folder


@functools.cache
def packages(name: str, python: str, *requirements: str, folder: Path = FOLDER) -> Path:
    """``folder/name`` with these packages for a version of Python, installed if it is not there.

    UnavailableError when pip cannot: no wheel, no network.
    """
    target = folder / name
    with alone(target):
        if not (target / "complete").exists():
            _install(target, python, requirements)
    return target


def _install(target: Path, python: str, requirements: tuple[str, ...]) -> None:
    name = target.name
    scratch = target.parent / f".{name}-{os.getpid()}"
    command = [
        *(str(_with_pip(python)), "-m", "pip", "install", "-qq"),
        *("--disable-pip-version-check", "--no-compile", "--only-binary=:all:"),
        *("--target", str(scratch), *requirements),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        shutil.rmtree(scratch, ignore_errors=True)
        raise UnavailableError(f"{name}: pip took over {INSTALL_TIMEOUT:g} s") from None
    if done.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        if "No matching distribution found" in done.stderr:
            raise UnavailableError(f"no wheel of {', '.join(requirements)} for Python {python}")
        raise UnavailableError(f"{name} for {python}: {done.stderr.strip()[-200:]}")
    (scratch / "complete").touch()
    shutil.rmtree(target, ignore_errors=True)
    scratch.rename(target)


@functools.cache
def _with_pip(python: str) -> Path:
    """The interpreter of a version, or one of a virtual environment where it has no pip."""
    found = interpreter(python)
    if not subprocess.run([found, "-m", "pip", "-V"], capture_output=True, check=False).returncode:
        return found
    folder = FOLDER / f"pip-py{python}"
    with alone(folder):
        if not (folder / "bin" / "pip").exists():
            made = subprocess.run([found, "-m", "venv", folder], capture_output=True, check=False)
            if made.returncode:
                raise UnavailableError(f"Python {python} has neither pip nor a venv with it")
    return folder / "bin" / "python"


def _minor(version: str) -> int:
    return int(version.partition(".")[2])
