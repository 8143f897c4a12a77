"""The CPythons of this machine that Lambda may run.

python -m tools.interpreters    prints them: version, path
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: Minor versions of Python 3 that the layer says it is compatible with (template.yaml).
LAMBDA_MINORS = range(10, 16)

#: An alpha's bytecode and library still change.
_LEVELS = ("beta", "candidate", "final")

_PROBE = (
    "import platform, sys; v = sys.version_info;"
    "print(platform.python_implementation(), v.major, v.minor, v.releaselevel)"
)


def find_interpreters() -> dict[str, Path]:
    """One CPython per version ("3.11"), oldest first; the running one is preferred.

    A beta or release candidate stands for a version of which no release is found: Lambda offers
    the next Python as a preview. Bytecode of another build is passed over by the interpreter.
    """
    released: dict[str, Path] = {}
    previews: dict[str, Path] = {}
    for candidate in _candidates():
        version, level = _probe(candidate)
        if version:
            (released if level == "final" else previews).setdefault(version, candidate)
    found = previews | released
    return dict(sorted(found.items(), key=lambda item: int(item[0].partition(".")[2])))


def _candidates() -> list[Path]:
    candidates = [Path(sys.executable)]
    # pyenv's own folder, and the neighbours of the running one, where such tools keep versions.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [pyenv / "versions", Path(sys.base_prefix).parent]
    for minor in LAMBDA_MINORS:
        on_path = shutil.which(f"python3.{minor}")
        if on_path:
            candidates.append(Path(on_path))
        for folder in folders:
            candidates.extend(sorted(folder.glob(f"3.{minor}.*/bin/python3.{minor}")))
    return candidates


def _probe(candidate: Path) -> tuple[str, str]:
    """Version and release level of an interpreter that Lambda may run, "" for any other program.

    What is found is run, not trusted: pyenv's shims exist for versions that are not switched on.
    """
    try:
        answer = subprocess.run(
            [candidate, "-I", "-S", "-c", _PROBE],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "", ""
    implementation, major, minor, level = answer.stdout.split()
    offered = implementation == "CPython" and major == "3" and int(minor) in LAMBDA_MINORS
    return (f"3.{minor}" if offered and level in _LEVELS else ""), level


if __name__ == "__main__":
    for found_version, found_path in find_interpreters().items():
        print(found_version, found_path)
