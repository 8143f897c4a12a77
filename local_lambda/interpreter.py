"""What an interpreter is, and where its files are: they must be seen where it is to run."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROBE_TIMEOUT_SECONDS = 30.0
_PROBE = (
    "import importlib.util, sys;"
    "found = importlib.util.find_spec('awslambdaric');"
    "print(*sys.version_info[:2], found.origin if found else '', sys.executable,"
    " sys.prefix, sys.base_prefix, sep='\\n')"
)


class InterpreterError(Exception):
    """It cannot be run, or tells nothing; the message names it."""


@dataclass(frozen=True)
class Interpreter:
    """What an interpreter told of itself: version, as in `3.12`, runtime client, files it needs."""

    version: str
    has_client: bool
    files: tuple[Path, ...]


@functools.lru_cache(maxsize=32)
def probe_python(python: Path) -> Interpreter:
    """Ask an interpreter what it is; raise `InterpreterError`."""
    if python == Path(sys.executable):
        found = importlib.util.find_spec("awslambdaric")
        client = (found.origin if found else None) or ""
        major, minor = map(str, sys.version_info[:2])
        return _interpreter(major, minor, client, sys.executable, sys.prefix, sys.base_prefix)
    try:
        answer = subprocess.run(
            [str(python), "-c", _PROBE],
            capture_output=True,
            check=True,
            text=True,
            timeout=PROBE_TIMEOUT_SECONDS,
        ).stdout.splitlines()
        return _interpreter(*answer)
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        raise InterpreterError(
            f"python={str(python)!r} is no usable interpreter: {error}"
        ) from error


def _interpreter(
    major: str, minor: str, client: str, executable: str, prefix: str, base_prefix: str
) -> Interpreter:
    files = [Path(path) for path in (executable, prefix, base_prefix) if path]
    if client:
        files.append(Path(client).parent.parent)  # with what it needs itself
    return Interpreter(f"{int(major)}.{int(minor)}", bool(client), tuple(files))


def steps(path: Path) -> list[Path]:
    """Return a path and, when it is a link, where it leads: each step may be hidden."""
    found = [path.absolute()]
    while found[-1].is_symlink():
        following = Path(os.path.normpath(found[-1].parent / found[-1].readlink()))
        if following in found:
            break
        found.append(following)
    return found
