"""docs/conformance.md: what was run with what, and the tables."""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from tools import clients, rie
from tools.libraries import REQUIREMENTS

if TYPE_CHECKING:
    from conformance.recorder import Recorder

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
#: What arrives of what people's functions and libraries say.
COMPATIBILITY = ROOT / "docs" / "compatibility.md"
#: What comes before it is written by hand.
MARK = "<!-- from here on written by make conformance -->\n"
#: The order of the tables; any other comes after these.
ORDER = (
    "The contract",
    "The layer on AWS's emulator",
    "Runtime clients",
    "Other people's clients",
    "A client with other names",
    "Managed Instances",
    "SnapStart",
    "What `sam build` writes",
    "The template that was built",
    "Container images",
    "An external extension beside us",
)
#: Tables of the other page.
COMPATIBLE = (
    "Libraries",
    "Logging libraries",
    "Handler wrappers",
    "Web services",
    "Recipes",
    "Durable functions",
    "Descriptors",
    "Functions as people write them",
)


def write(recorder: Recorder, seconds: float, on: str) -> None:
    """Put the outcome of a run into both pages.

    Args:
        recorder: has it.
        seconds: how long it took.
        on: as of ``commit``.
    """
    write_compatibility(recorder, on)
    count = recorder.count
    total = sum(count.values())
    tries = f" ({recorder.second_tries} at the second try)" if recorder.second_tries else ""
    run = [
        f"Run on {datetime.now(timezone.utc):%Y-%m-%d} in {seconds / 60:.0f} minutes"
        f"{on}: {total} tests, {count['passed']} passed{tries}, "
        f"{count['failed']} failed, {count['skipped']} skipped.\n",
        "| | |\n|---|---|",
        *(f"| {name} | {value} |" for name, value in _surroundings()),
        "",
    ]
    _put(PAGE, "\n".join([*run, recorder.tables.markdown(ORDER, COMPATIBLE)]))


def write_compatibility(recorder: Recorder, on: str) -> None:
    """Put what libraries and functions came to into their page; arguments as of ``write``."""
    known = [name for name in recorder.tables.names() if name not in COMPATIBLE]
    versions = [
        f"| {library} | {', '.join(requirements)} |"
        for library, requirements in sorted(REQUIREMENTS.items())
    ]
    text = [
        f"Run on {datetime.now(timezone.utc):%Y-%m-%d}{on} with Python "
        f"{platform.python_version()}.\n",
        "| library | version |\n|---|---|",
        *versions,
        "",
        recorder.tables.markdown(COMPATIBLE, known),
    ]
    _put(COMPATIBILITY, "\n".join(text))


def _put(page: Path, text: str) -> None:
    head, mark, _ = page.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise ValueError(f"{page}: no line {MARK.strip()!r}")
    page.write_text(f"{head}{mark}\n{text.rstrip()}\n", encoding="utf-8")


def _surroundings() -> list[tuple[str, str]]:
    """What the tests ran with, by what it is."""
    pythons = {version: _version(path) for version, path in clients.interpreters().items()}
    here = [pythons[version] for version in clients.PYTHONS if version in pythons]
    missing = [version for version in clients.PYTHONS if version not in pythons]
    sam = _pinned("aws-sam-cli")
    digest = hashlib.sha256(rie.BINARY.read_bytes()).hexdigest() if rie.BINARY.exists() else ""
    others = [one for requirements in REQUIREMENTS.values() for one in requirements]
    return [
        ("machine", f"{platform.system()}, {platform.machine()}"),
        ("Python", ", ".join(here) + (f"; not here: {', '.join(missing)}" if missing else "")),
        ("runs pytest", platform.python_version()),
        (
            "RIE",
            f"from aws-sam-cli {sam}, SHA-256 `{digest[:16]}`" if digest else "not here",
        ),
        ("awslambdaric", ", ".join(clients.VERSIONS)),
        ("SAM CLI", sam if (ROOT / ".venv-sam" / "bin" / "sam").exists() else "not here"),
        ("libraries", ", ".join(one.replace("==", " ") for one in others)),
    ]


def commit() -> str:
    """Which commit is here, where that is known, and whether there are changes besides."""
    git = ["git", "-C", str(ROOT)]
    try:
        found = _said([*git, "rev-parse", "--short=7", "HEAD"])
        changed = _said([*git, "status", "--porcelain", "--untracked-files=no", ":!docs"])
    except (OSError, subprocess.SubprocessError):
        return ""
    return f", on commit {found}{' with changes' if changed else ''}"


def _version(interpreter: Path) -> str:
    if interpreter == Path(sys.executable):
        return platform.python_version()
    code = "import platform; print(platform.python_version())"
    return _said([str(interpreter), "-c", code])


def _said(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - an interpreter of this machine, or git
        command, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


def _pinned(package: str) -> str:
    text = (ROOT / "requirements" / "sam.txt").read_text(encoding="utf-8")
    found = re.search(rf"(?m)^{package}==(\S+)", text)
    return found[1] if found else "?"
