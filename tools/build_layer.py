"""Build the layer: a folder laid out as Lambda lays it out under /opt.

    python -m tools.build_layer DESTINATION

    DESTINATION/firehose_wrapper          what AWS_LAMBDA_EXEC_WRAPPER names
    DESTINATION/python/firehose_logging   the package, its sources without comments
    DESTINATION/python/wrapt              its dependency, as requirements/layer.txt pins it

and nothing else. Two builds from the same sources on one machine give the same bytes, modes and
times; SOURCE_DATE_EPOCH sets the times.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tools.bare_source import bare
from tools.interpreters import LAMBDA_MINORS, find_interpreters

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "firehose_logging"
#: The command is for people's machines: an extra, never in the layer.
COMMAND = PACKAGE / "_cli"
WRAPPER = ROOT / "wrapper_script" / "firehose_wrapper"
REQUIREMENTS = ROOT / "requirements" / "layer.txt"
BUNDLE = ROOT / "tools" / "bundle.py"
WHEELS = ROOT / "build" / "wheels"

#: Where Lambda unpacks the layer's `python` folder.
INSTALLED_AT = "/opt/python"
#: What may stand in the folder that is replaced.
TOP_LEVEL = {"firehose_wrapper", "python"}
#: Builds of one folder at a time are few.
_MOST_MOVES = 10
#: 1980-01-01, the earliest time that a zip file can hold (seconds since 1970).
DEFAULT_EPOCH = 315532800


def main(arguments: list[str]) -> int:
    """Build into the folder given and say what was built."""
    if len(arguments) != 1:
        print("usage: build_layer.py DESTINATION", file=sys.stderr)
        return 2
    destination = Path(arguments[0]).resolve()
    try:
        versions = build(destination)
    except LayerError as error:
        print(f"build_layer: {error}", file=sys.stderr)
        return 1
    files = [path for path in destination.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    missing = [f"3.{minor}" for minor in LAMBDA_MINORS if f"3.{minor}" not in versions]
    absent = f" (not here: {', '.join(missing)})" if missing else ""
    print(
        f"layer: {arguments[0]}, {len(files)} files, {size / 1024:.0f} KiB, "
        f"bytecode for Python {', '.join(versions)}{absent}"
    )
    return 0


class LayerError(Exception):
    """The layer cannot be built; the message says why and what to do."""


def build(destination: Path, only: tuple[str, ...] = ()) -> list[str]:
    """Build the layer into a folder, which is replaced; the Python versions with bytecode.

    Args:
        destination: an absolute path.
        only: versions ("3.13") whose bytecode it gets, each of which must be here; none given
            takes those that are here.

    Raises:
        LayerError: a part or an interpreter is missing, or the folder holds something else than a
            layer.
    """
    for part in (PACKAGE, WRAPPER):
        if not part.exists():
            raise LayerError(f"{part} is missing: is this a whole clone?")
    if destination.exists() and not {path.name for path in destination.iterdir()} <= TOP_LEVEL:
        raise LayerError(f"{destination} holds more than a layer: choose an empty or new folder")
    destination.parent.mkdir(parents=True, exist_ok=True)
    # Built beside it and moved there: nobody ever sees half a layer.
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".layer-") as scratch:
        layer = Path(scratch) / "layer"
        python = layer / "python"
        python.mkdir(parents=True)
        shutil.copyfile(WRAPPER, layer / WRAPPER.name)
        _copy_package(python)
        _unpack_dependencies(python)
        versions = _compile(python, only)
        _settle(layer)
        _replace(destination, layer)
    return versions


def is_current(layer: Path) -> bool:
    """Whether a folder holds wrapper and package as the sources are now; bytecode is not read."""
    package = layer / "python" / PACKAGE.name
    try:
        return (layer / WRAPPER.name).read_bytes() == WRAPPER.read_bytes() and _texts() == {
            path.relative_to(package): path.read_text("utf-8")
            for path in package.rglob("*")
            if _is_source(path)
        }
    except OSError:
        return False


def _replace(destination: Path, layer: Path) -> None:
    """Move a layer there, and what was there beside it; another build may do the same."""
    for attempt in range(_MOST_MOVES):
        with contextlib.suppress(FileNotFoundError):
            destination.rename(layer.parent / f"before-{attempt}")
        try:
            layer.rename(destination)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return
    raise LayerError(f"{destination} is built by something else, again and again")


def _copy_package(python: Path) -> None:
    for name, text in _texts().items():
        target = python / PACKAGE.name / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def _texts() -> dict[Path, str]:
    """What the layer carries of the package: names below it, and texts."""
    return {
        source.relative_to(PACKAGE): bare(source.read_text("utf-8"))
        for source in sorted(PACKAGE.rglob("*"))
        if _is_source(source) and COMMAND not in source.parents
    }


def _is_source(path: Path) -> bool:
    return path.suffix == ".py" or path.name == "py.typed"


def _unpack_dependencies(python: Path) -> None:
    """The modules of each pinned wheel, and its licence, which asks to be passed on with them."""
    for wheel in _wheels():
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            modules = [name for name in names if name.endswith(".py")]
            for name in modules:
                archive.extract(name, python)
            package = python / modules[0].partition("/")[0]
            for name in names:
                if name.endswith("LICENSE"):
                    (package / "LICENSE").write_bytes(archive.read(name))


def _wheels() -> list[Path]:
    """The wheels of requirements/layer.txt; pip checks their hashes, then they are kept."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    kept = WHEELS / key
    if not kept.exists():
        WHEELS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=WHEELS, prefix=".download-") as scratch:
            fresh = Path(scratch) / key
            _pip_download(fresh)
            try:
                fresh.rename(kept)
            except OSError:
                # Another build was faster, with the same bytes.
                if not kept.exists():
                    raise
    return sorted(kept.glob("*.whl"))


def _pip_download(folder: Path) -> None:
    # The wheel for any platform and no ABI: pure Python, the same for all that Lambda offers.
    pure = ["--platform=any", "--implementation=py", "--abi=none", "--python-version=310"]
    download = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", *pure, "--require-hashes", "-r", REQUIREMENTS, "-d", folder],
        check=False,
    )  # fmt: skip
    if download.returncode:
        raise LayerError(f"pip could not download what {REQUIREMENTS.relative_to(ROOT)} pins")


def _compile(python: Path, only: tuple[str, ...]) -> list[str]:
    """Add bytecode of every Python found, side by side in __pycache__ (``tools/bundle``).

    /opt is read-only in Lambda, so without it each cold start would compile the package anew. A
    version that is not found here runs from source.
    """
    interpreters = find_interpreters()
    missing = [version for version in only if version not in interpreters]
    if missing:
        raise LayerError(
            f"no Python {', '.join(missing)} here, so no bytecode for it: install it, or put it on "
            "the PATH"
        )
    chosen = [version for version in interpreters if version in only or not only]
    for version in chosen:
        done = subprocess.run(
            [
                interpreters[version], "-S", "-B", "-X", "no_debug_ranges",
                BUNDLE, python, INSTALLED_AT,
            ],
            # Not in the folder itself, whose modules would come before the standard library's.
            # Sets among a module's constants are written in hash order.
            cwd=python.parent, env={"PYTHONHASHSEED": "0"}, check=False,
        )  # fmt: skip
        if done.returncode:
            raise LayerError(
                f"Python {version} ({interpreters[version]}) could not compile the layer"
            )
    return chosen


def _settle(layer: Path) -> None:
    """Give every file the mode that Lambda needs (its user is nobody's) and the same times."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", DEFAULT_EPOCH))
    for path in [*layer.rglob("*"), layer]:
        path.chmod(0o755 if path.is_dir() or path.name == WRAPPER.name else 0o644)
        os.utime(path, (epoch, epoch))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
