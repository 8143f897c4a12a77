"""Cut a release: version, changelog, wheel and sdist that were tried, layers, bill of materials.

    python -m tools.release VERSION [--into dist]     make release VERSION=1.2.3
    python -m tools.release publish --regions eu-central-1,us-east-1 [--from dist]

Everything is made before anything is said to be released: a step that fails says what is missing
and leaves nothing in the destination. Committing, tagging and uploading stay a person's.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import build_layer
from tools.interpreters import LAMBDA_MINORS, find_interpreters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
VERSION_FILE = ROOT / "firehose_logging" / "__init__.py"
CHANGELOG = ROOT / "CHANGELOG.md"
#: Semantic versioning, with a pre-release as Python writes it.
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
UNRELEASED = "## [Unreleased]"

#: What a wheel in an environment of its own must do.
SMOKE = """
import logging, firehose_logging
from firehose_logging import FirehoseHandler, Settings
from firehose_logging.testing import MemoryTransport
assert firehose_logging.__version__ == {version!r}, firehose_logging.__version__
assert str(firehose_logging.__file__).startswith({prefix!r}), firehose_logging.__file__
import firehose_logging._firehose.direct, firehose_logging._extension.companion
import importlib.metadata as metadata
about = metadata.metadata("firehose-logging")
assert about["Author"] and "cli" in about.get_all("Provides-Extra")
logging.getLogger().addHandler(FirehoseHandler("logs", client=object()))
"""


class ReleaseError(Exception):
    """The release cannot be made; the message says why and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for; 1 when it cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ReleaseError, build_layer.LayerError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    if len(sys.argv) > 1 and sys.argv[1] == "publish":
        parser.add_argument("publish")
        parser.add_argument("--regions", required=True, help="comma list of regions")
        parser.add_argument("--from", dest="source", type=Path, default=ROOT / "dist")
        parser.set_defaults(run=_publish)
        return parser
    parser.add_argument("version", help="for example 1.2.3 or 1.2.3rc1")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="folder of the files")
    parser.add_argument(
        "--layers",
        default=",".join(f"3.{minor}" for minor in LAMBDA_MINORS),
        help="Pythons of the layers, comma list; each must be on this machine",
    )
    parser.set_defaults(run=_release)
    return parser


def _release(options: argparse.Namespace) -> None:
    if options.into.exists() and any(options.into.iterdir()):
        raise ReleaseError(
            f"{options.into} is not empty: move it away, or name another with --into"
        )
    before = {path: path.read_text(encoding="utf-8") for path in (VERSION_FILE, CHANGELOG)}
    try:
        cut(options.version, f"{datetime.now(timezone.utc):%Y-%m-%d}")
        with tempfile.TemporaryDirectory(prefix="release-") as scratch:
            made = make(options.version, options.layers.split(","), Path(scratch))
            options.into.mkdir(parents=True, exist_ok=True)
            for path in made:
                shutil.copy2(path, options.into / path.name)
    except BaseException:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
        raise
    print(f"{options.into} holds {len(made)} files. Look at the change, then:")
    print(f"  git commit -am 'Release {options.version}' && git tag v{options.version}")


def cut(version: str, day: str) -> None:
    """Write the version, and put what is unreleased in the changelog under it.

    Args:
        version: the new one.
        day: of the release, YYYY-MM-DD.

    Raises:
        ReleaseError: no version, one that was released already, or nothing to release.
    """
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"VERSION={version!r}: a version is like 1.2.3 or 1.2.3rc1")
    changes = CHANGELOG.read_text(encoding="utf-8")
    if f"## [{version}]" in changes:
        raise ReleaseError(f"VERSION={version} is in {CHANGELOG.name} already: choose the next one")
    _, mark, rest = changes.partition(UNRELEASED)
    if not mark or not rest.partition("\n## ")[0].strip():
        raise ReleaseError(f"{CHANGELOG.name} has nothing under {UNRELEASED}: say what changed")
    CHANGELOG.write_text(
        changes.replace(UNRELEASED, f"{UNRELEASED}\n\n## [{version}] - {day}", 1), encoding="utf-8"
    )
    source = VERSION_FILE.read_text(encoding="utf-8")
    VERSION_FILE.write_text(
        re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', source), encoding="utf-8"
    )


def make(version: str, layers: list[str], folder: Path) -> list[Path]:
    """All files of a release, tried; each step says what it does."""
    packages = _step("wheel and sdist", lambda: build_packages(folder / "packages"))
    for python, interpreter in find_interpreters().items():
        use = partial(try_wheel, interpreter, packages, version)
        _step(f"the wheel on Python {python}", use)
    _step("the sdist's own tests", lambda: try_sdist(packages))
    zips = _step("layers", lambda: _layers(folder / "layers", layers))
    # In a process of its own: the version that this one imported is the old one.
    files = [*packages, *zips]
    when = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return [*files, *_step("bill of materials", lambda: _papers(files, folder, when))]


def _step(what: str, action: Callable[[], Any]) -> Any:
    print(f"  {what} ...", flush=True)
    return action()


def build_packages(folder: Path) -> list[Path]:
    """The wheel and the sdist of this tree."""
    _run([sys.executable, "-m", "build", "--outdir", folder, ROOT], "the packages were not built")
    return sorted(folder.iterdir())


def try_wheel(interpreter: Path, packages: list[Path], version: str) -> None:
    """Install the wheel into an environment of its own and use it there."""
    (wheel,) = [path for path in packages if path.suffix == ".whl"]
    with tempfile.TemporaryDirectory(prefix="wheel-") as scratch:
        place = Path(scratch).resolve() / "environment"
        _run([interpreter, "-m", "venv", place], f"no environment for {interpreter}")
        pip: list[str | Path] = [place / "bin" / "python", "-m", "pip", "install", "-qq"]
        _run([*pip, "--disable-pip-version-check", wheel], f"{wheel.name} cannot be installed")
        program = SMOKE.format(version=version, prefix=str(place))
        _run([place / "bin" / "python", "-I", "-c", program], f"{wheel.name} does not work")


def try_sdist(packages: list[Path]) -> None:
    """Unpack the sdist and run its quick tests there, on nothing of this tree."""
    (sdist,) = [path for path in packages if path.name.endswith(".tar.gz")]
    with tempfile.TemporaryDirectory(prefix="sdist-") as scratch:
        shutil.unpack_archive(sdist, scratch, filter="data")
        (tree,) = Path(scratch).iterdir()
        folders = [tree / "tests" / name for name in ("package", "line", "delivery", "extension")]
        _run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "-m", "not e2e and not slow", *folders,
            ],
            f"the tests in {sdist.name} fail",
            cwd=tree,
        )  # fmt: skip


def _layers(folder: Path, layers: list[str]) -> list[Path]:
    _run([sys.executable, "-m", "tools.layer_zip", folder, *layers], "the layers were not built")
    return sorted(folder.iterdir())


def _papers(files: list[Path], folder: Path, when: str) -> list[Path]:
    program = """
import json, sys
from pathlib import Path
from tools import layer_zip
when, commit, folder, *names = sys.argv[1:]
files = [Path(name) for name in names]
layer_zip.write_json(Path(folder, "bom.spdx.json"), layer_zip.bill_of_materials(files, when))
layer_zip.write_json(Path(folder, "provenance.json"), layer_zip.provenance(files, commit, when))
sums = "".join(f"{layer_zip.digest(path)}  {path.name}\\n" for path in files)
Path(folder, "SHA256SUMS").write_text(sums)
"""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    commit = done.stdout.strip() or "unknown"
    _run([sys.executable, "-c", program, when, commit, folder, *files], "no bill of materials")
    return [folder / name for name in ("SHA256SUMS", "bom.spdx.json", "provenance.json")]


def _run(command: Sequence[str | Path], failed: str, *, cwd: Path = ROOT) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"{failed}:\n{(done.stdout + done.stderr).strip()[-3000:]}")


def _publish(options: argparse.Namespace) -> None:
    import boto3

    regions = [region for region in options.regions.split(",") if region]
    for arn in publish(options.source, regions, lambda r: boto3.client("lambda", region_name=r)):
        print(arn)


def publish(source: Path, regions: list[str], client: Callable[[str], Any]) -> list[str]:
    """Put each layer into each region; the ARNs, which are also written to layers.txt.

    What layers.txt has already is not published again: a layer version cannot be replaced, so a
    second try goes on where the first one stopped. For new versions take the file away.

    Args:
        source: folder of the release's files.
        regions: such as ``eu-central-1``.
        client: gives a Lambda client for a region.

    Raises:
        ReleaseError: no region, the folder holds no layers, or a region refused one.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if not regions:
        raise ReleaseError("no region: make publish REGIONS=eu-central-1,us-east-1")
    zips = sorted(source.glob("firehose-logging-*.zip"))
    if not zips:
        raise ReleaseError(f"no layers in {source}: run `make release VERSION=...` first")
    written = source / "layers.txt"
    arns = written.read_text(encoding="utf-8").split() if written.exists() else []
    for region in regions:
        functions = client(region)
        for path in zips:
            layer = _layer_of(path)
            if any(f":{region}:" in arn and f":layer:{layer}:" in arn for arn in arns):
                continue
            try:
                answer = functions.publish_layer_version(
                    LayerName=layer,
                    Description=path.stem,
                    Content={"ZipFile": path.read_bytes()},
                    CompatibleRuntimes=[f"python{one}" for one in _pythons_of(path)],
                    CompatibleArchitectures=["x86_64", "arm64"],
                    LicenseInfo="MIT-0",
                )
            except (BotoCoreError, ClientError) as error:
                raise ReleaseError(
                    f"{path.name} is not in {region}: {error}. What is out stands in {written}; "
                    "the same command goes on from there"
                ) from error
            arns.append(str(answer["LayerVersionArn"]))
            written.write_text("\n".join(arns) + "\n", encoding="utf-8")
    return arns


def _pythons_of(path: Path) -> list[str]:
    one = re.search(r"-python(3\.\d+)\.zip$", path.name)
    return [one[1]] if one else [f"3.{minor}" for minor in LAMBDA_MINORS]


def _layer_of(path: Path) -> str:
    one = re.search(r"-python(3\.\d+)\.zip$", path.name)
    return "firehose-logging" + (f"-python{one[1].replace('.', '')}" if one else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
