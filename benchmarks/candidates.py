"""Who is compared: each with its function, its pinned packages and its variables."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools import build_layer

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
FUNCTIONS = HERE / "functions"
REQUIREMENTS = HERE / "requirements"
BUILD = ROOT / "build" / "bench"
#: A copy of our own, so that nothing rebuilds it under a running benchmark.
OUR_LAYER = BUILD / "layers" / "firehose-logging"
#: The wrapper that notes when a cold start begins, see ``children/stamp.py``.
STAMP = BUILD / "stamp"

#: Stream that every candidate writes to.
STREAM = "bench"


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to log from a function.

    Args:
        name: in tables and on the command line.
        module: of ``functions/``, whose ``handler`` runs.
        package: its requirements file and the distribution whose version is shown; None for what
            the runtime brings.
        with_dependencies: whether the requirements are more than what the runtime brings.
        ours: whether our layer and wrapper are deployed.
        delivers_to: ``firehose``, ``sink`` (stand-in for CloudWatch Logs or an OTLP collector), or
            nothing for what only writes to the function's own output.
        log_format: of the function, ``Text`` or ``JSON``.
        variables: of the function.
    """

    name: str
    module: str
    package: str | None = None
    with_dependencies: bool = False
    ours: bool = False
    delivers_to: str = "firehose"
    log_format: str = "Text"
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def layer(self) -> Path | None:
        """The folder that is deployed as its layer; None when it needs none."""
        if self.ours:
            return OUR_LAYER
        return BUILD / "layers" / self.package if self.package else None

    def version(self) -> str:
        """Of what is compared; "-" where that is the runtime client alone."""
        if self.ours:
            from firehose_logging import __version__

            return __version__
        if self.package is None:
            return pinned("runtime")["boto3"] if "boto3" in self.module else "-"
        return next(iter(pinned(self.package).values()))


@dataclass(frozen=True, eq=False)
class Built(Candidate):
    """Ours, from a layer of its own.

    Args:
        folder: the layer.
    """

    folder: Path = Path()

    @property
    def layer(self) -> Path:
        """The folder."""
        return self.folder

    def version(self) -> str:
        """Its name says what it is."""
        return "-"


BARE = Candidate("bare function, text", "bare", delivers_to="")
BARE_JSON = Candidate("bare function, JSON", "bare", delivers_to="", log_format="JSON")
OURS = Candidate("firehose-logging", "bare", ours=True)
OURS_BOTO3 = Candidate(
    "firehose-logging, boto3 transport",
    "bare",
    ours=True,
    variables={"FIREHOSE_LOGGING_TRANSPORT": "boto3"},
)
OTHERS = (
    Candidate(
        "Powertools Logger", "powertools", "powertools", with_dependencies=True, delivers_to=""
    ),
    Candidate(
        "OpenTelemetry logs, OTLP",
        "opentelemetry_logs",
        "opentelemetry",
        with_dependencies=True,
        delivers_to="sink",
    ),
    Candidate(
        "OpenTelemetry logs, OTLP JSON",
        "opentelemetry_json",
        "opentelemetry_json",
        with_dependencies=True,
        delivers_to="sink",
    ),
    Candidate(
        "Datadog Python layer",
        "datadog",
        "datadog",
        with_dependencies=True,
        delivers_to="",
        variables={
            "DD_FLUSH_TO_LOG": "true",
            "DD_SERVICE": "bench",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        },
    ),
    Candidate("watchtower", "watchtower_logs", "watchtower", delivers_to="sink"),
    Candidate("firefighter", "firefighter_logs", "firefighter"),
    Candidate("kflogs", "kflogs_logs", "kflogs"),
    Candidate("boto3 by hand", "boto3_by_hand"),
)
ALL = (BARE, BARE_JSON, OURS, OURS_BOTO3, *OTHERS)
#: Those that bring lines to a service, and the bare function to compare them with.
DELIVERING = (BARE, *(candidate for candidate in ALL if candidate.delivers_to))
BY_NAME = {candidate.name: candidate for candidate in ALL}


def pinned(package: str) -> dict[str, str]:
    """Distributions and versions of a requirements file, in its order."""
    lines = (REQUIREMENTS / f"{package}.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {name.strip(): version.strip() for name, version in pairs}


def set_up_plots(say: Callable[[str], None]) -> Path:
    """The interpreter that has matplotlib, in an environment that all who draw share."""
    folder = ROOT / "build" / "plots"
    requirements = REQUIREMENTS / "plots.txt"
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        say("installing matplotlib")
        shutil.rmtree(folder, ignore_errors=True)
        _make_runtime(folder, requirements)
        stamp.write_text(requirements.read_text())
    return folder / "bin" / "python"


def runtime() -> Path:
    """The interpreter that all candidates run on: awslambdaric and boto3, as pinned."""
    return BUILD / "runtime" / "bin" / "python"


def set_up_runtime(say: Callable[[str], None]) -> None:
    """Make the runtime alone."""
    _once(BUILD / "runtime", "runtime", say, _make_runtime)


def set_up(say: Callable[[str], None]) -> None:
    """Make the runtime and each candidate's layer, where that was not done for these versions."""
    set_up_runtime(say)
    for candidate in OTHERS:
        if candidate.package is not None:
            _once(
                BUILD / "layers" / candidate.package,
                candidate.package,
                say,
                _make_layer if candidate.with_dependencies else _make_layer_alone,
            )
    set_up_plots(say)
    say("layer of this package")
    build_layer.build(OUR_LAYER)
    STAMP.write_text(
        "#!/bin/sh\n"
        f"exec {shlex.quote(str(runtime()))} -IS {shlex.quote(str(HERE / 'children/stamp.py'))} "
        '"$@"\n'
    )
    STAMP.chmod(0o755)


def _once(
    folder: Path, package: str, say: Callable[[str], None], make: Callable[[Path, Path], None]
) -> None:
    requirements = REQUIREMENTS / f"{package}.txt"
    stamp = folder.parent / f"{folder.name}.stamp"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing {', '.join(f'{n} {v}' for n, v in pinned(package).items())}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make(folder, requirements)
    stamp.write_text(wanted)


def _make_runtime(folder: Path, requirements: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    _pip(str(folder / "bin" / "python"), "-r", str(requirements))


def _make_layer(folder: Path, requirements: Path) -> None:
    _pip(str(runtime()), "--target", str(folder / "python"), "-r", str(requirements))


def _make_layer_alone(folder: Path, requirements: Path) -> None:
    """What it depends on beside boto3 is nothing, or (typing extensions) not used at run time."""
    _pip(str(runtime()), "--no-deps", "--target", str(folder / "python"), "-r", str(requirements))


def _pip(python: str, *arguments: str) -> None:
    _run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(command)} failed:\n{done.stderr.strip()}")
