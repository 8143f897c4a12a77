"""Layers as zip files: reproducible, bounded in size, and with what tells where they come from.

    python -m tools.layer_zip DESTINATION [VERSION ...]

One zip file for each version of Python named (all that Lambda has when none is), with the bytecode
of that version, and one for all of them. Two builds from the same sources give the same bytes,
whatever the machine: files are written in order, with fixed times and modes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from firehose_logging import __version__
from tools import build_layer
from tools.interpreters import LAMBDA_MINORS

#: Bytes of a zip file for one version of Python. A layer is read at each cold start.
MOST_BYTES = 400_000
#: The same for the file that serves all six versions: most of its bytecode is never read.
MOST_BYTES_ALL = 1_500_000

VERSIONS = tuple(f"3.{minor}" for minor in LAMBDA_MINORS)


def main(arguments: list[str]) -> int:
    """Build the zip files into the folder given, and say what was built."""
    if not arguments:
        print("usage: layer_zip.py DESTINATION [VERSION ...]", file=sys.stderr)
        return 2
    try:
        for path in build(Path(arguments[0]), tuple(arguments[1:]) or VERSIONS):
            print(f"  {path.name}: {path.stat().st_size / 1000:.0f} KB, sha256 {digest(path)}")
    except build_layer.LayerError as error:
        print(f"layer_zip: {error}", file=sys.stderr)
        return 1
    return 0


def build(destination: Path, versions: tuple[str, ...]) -> list[Path]:
    """The zip files, one for each version and one for all; raises LayerError.

    Raises:
        LayerError: an interpreter is missing (the message names it), or a file is too large.
    """
    destination.mkdir(parents=True, exist_ok=True)
    unknown = [version for version in versions if version not in VERSIONS]
    if unknown:
        raise build_layer.LayerError(
            f"no runtime for Python {', '.join(unknown)}; those of Lambda are {', '.join(VERSIONS)}"
        )
    made = []
    with tempfile.TemporaryDirectory(prefix="layer-zip-") as scratch:
        folder = Path(scratch) / "layer"
        # The largest first: it fails at once where an interpreter is missing.
        build_layer.build(folder, versions)
        made.append(_zip(folder, destination / f"firehose-logging-{__version__}.zip", ""))
        for version in versions:
            name = f"firehose-logging-{__version__}-python{version}.zip"
            made.append(_zip(folder, destination / name, version))
    for path in made:
        most = MOST_BYTES if "-python" in path.name else MOST_BYTES_ALL
        if path.stat().st_size > most:
            raise build_layer.LayerError(
                f"{path.name} has {path.stat().st_size} bytes, more than {most}: what was added?"
            )
    return made


def _zip(folder: Path, target: Path, version: str) -> Path:
    """The folder as a zip file, with the bytecode of one version, or of all when it is empty."""
    tag = f".cpython-{version.replace('.', '')}"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                continue
            if version and path.parent.name == "__pycache__" and tag not in f"{path.name}.":
                continue
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, whatever builds it: the mode below counts
            entry.external_attr = (0o100000 | path.stat().st_mode & 0o777) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=9)
    return target


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bill_of_materials(files: list[Path], when: str) -> dict[str, Any]:
    """What is in the layer, as an SPDX 2.3 document.

    Args:
        files: what is released.
        when: RFC 3339.
    """
    wrapt = next(
        line for line in build_layer.REQUIREMENTS.read_text().splitlines() if "wrapt==" in line
    )
    wrapt_version = wrapt.partition("==")[2].partition(" ")[0]
    packages = [
        _package("firehose-logging", __version__, "MIT-0"),
        _package("wrapt", wrapt_version, "BSD-2-Clause"),
    ]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"firehose-logging-{__version__}",
        "documentNamespace": f"urn:firehose-logging:{__version__}:{digest(files[0])[:16]}",
        "creationInfo": {"created": when, "creators": ["Tool: firehose-logging tools/layer_zip"]},
        "packages": packages,
        "files": [
            {
                "SPDXID": f"SPDXRef-File-{number}",
                "fileName": path.name,
                "checksums": [{"algorithm": "SHA256", "checksumValue": digest(path)}],
            }
            for number, path in enumerate(files, 1)
        ],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": "SPDXRef-Package-firehose-logging",
            },
            {
                "spdxElementId": "SPDXRef-Package-firehose-logging",
                "relationshipType": "CONTAINS",
                "relatedSpdxElement": "SPDXRef-Package-wrapt",
            },
        ],
    }


def _package(name: str, version: str, licence: str) -> dict[str, Any]:
    return {
        "SPDXID": f"SPDXRef-Package-{name}",
        "name": name,
        "versionInfo": version,
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:pypi/{name}@{version}",
            }
        ],
    }


def provenance(files: list[Path], commit: str, when: str) -> dict[str, Any]:
    """Which sources and which build the files came from: an in-toto statement (SLSA v1).

    It is not signed: whoever publishes signs it with a key of his own.

    Args:
        files: what is released.
        commit: of the sources.
        when: RFC 3339.
    """
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path.name, "digest": {"sha256": digest(path)}} for path in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:firehose-logging:make-release:v1",
                "externalParameters": {"version": __version__},
                "internalParameters": {
                    "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "")
                },
                "resolvedDependencies": [
                    {"uri": "git+.", "digest": {"gitCommit": commit}},
                    {
                        "uri": build_layer.REQUIREMENTS.name,
                        "digest": {"sha256": digest(build_layer.REQUIREMENTS)},
                    },
                ],
            },
            "runDetails": {
                "builder": {"id": "urn:firehose-logging:make-release"},
                "metadata": {"finishedOn": when},
            },
        },
    }


def write_json(path: Path, document: dict[str, Any]) -> Path:
    """A document as a file, the same bytes each time."""
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
