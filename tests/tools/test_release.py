"""A release: what is cut, what is built, what is published."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from tools import build_layer, bundle, layer_zip, release

RUNNING = f"3.{sys.version_info.minor}"


# -- version and changelog ------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A changelog and a version of this test."""
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- More.\n\n## [1.0.0] - 2026-01-01\n"
    )
    (tmp_path / "__init__.py").write_text('x = 1\n__version__ = "1.0.0"\ny = 2\n')
    monkeypatch.setattr(release, "CHANGELOG", tmp_path / "CHANGELOG.md")
    monkeypatch.setattr(release, "VERSION_FILE", tmp_path / "__init__.py")
    return tmp_path


def test_a_version_is_cut(tree: Path) -> None:
    """What was unreleased is under the version and its day; the next changes have their place."""
    release.cut("1.1.0", "2026-02-03")

    assert (tree / "__init__.py").read_text() == 'x = 1\n__version__ = "1.1.0"\ny = 2\n'
    assert (tree / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-02-03\n\n"
        "### Added\n\n- More.\n\n## [1.0.0] - 2026-01-01\n"
    )


@pytest.mark.parametrize(
    ("version", "why"),
    [("v1.1", "a version is like"), ("", "a version is like"), ("1.0.0", "already")],
)
def test_a_version_that_cannot_be_cut(tree: Path, version: str, why: str) -> None:
    """No version, or one that is out: told, and nothing changes."""
    before = (tree / "CHANGELOG.md").read_text()

    with pytest.raises(release.ReleaseError, match=why):
        release.cut(version, "2026-02-03")
    assert (tree / "CHANGELOG.md").read_text() == before


def test_nothing_to_release(tree: Path) -> None:
    """A release that changes nothing is a mistake."""
    release.cut("1.1.0", "2026-02-03")

    with pytest.raises(release.ReleaseError, match="say what changed"):
        release.cut("1.2.0", "2026-02-04")


def test_a_failed_release_leaves_no_trace(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a step fails, version, changelog and destination are as they were."""

    def fails(*_: object) -> list[Path]:
        raise release.ReleaseError("the wheel does not work")

    monkeypatch.setattr(release, "make", fails)
    before = [(tree / name).read_text() for name in ("CHANGELOG.md", "__init__.py")]

    assert release.main(["1.1.0", "--into", str(tree / "dist")]) == 1
    assert "the wheel does not work" in capsys.readouterr().err
    assert [(tree / name).read_text() for name in ("CHANGELOG.md", "__init__.py")] == before
    assert not (tree / "dist").exists()


# -- layers ------------------------------------------------------------------


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The layers for the Python that runs this."""
    return layer_zip.build(tmp_path_factory.mktemp("zips"), (RUNNING,))


def test_a_layers_zip_is_what_lambda_unpacks(zips: list[Path]) -> None:
    """The wrapper may be run, every module is there, and bytecode of that version alone."""
    for path in zips:
        with zipfile.ZipFile(path) as archive:
            modes = {one.filename: one.external_attr >> 16 & 0o777 for one in archive.infolist()}
        tag = f".cpython-{RUNNING.replace('.', '')}"

        assert modes["firehose_wrapper"] == 0o755
        assert modes["python/firehose_logging/__init__.py"] == 0o644
        assert f"python/firehose_logging/__pycache__/bundle{tag}" in modes
        assert {tag in name for name in modes if "__pycache__" in name} == {True}
        assert not [name for name in modes if "/_cli/" in name]
    assert bundle.MODULES  # what the bundle holds is tested with the layer


def test_the_same_sources_give_the_same_bytes(zips: list[Path], tmp_path: Path) -> None:
    """A second build, elsewhere and later, gives files that are equal to the byte."""
    again = layer_zip.build(tmp_path / "elsewhere", (RUNNING,))

    assert [path.name for path in again] == [path.name for path in zips]
    assert [layer_zip.digest(path) for path in again] == [layer_zip.digest(path) for path in zips]


def test_a_layer_is_small(zips: list[Path]) -> None:
    """At most 400 KB for one version of Python: a layer is read at each cold start."""
    (one,) = [path for path in zips if "-python" in path.name]

    assert one.stat().st_size <= layer_zip.MOST_BYTES == 400_000


@pytest.mark.parametrize(
    ("most", "versions", "why"),
    [(400_000, ("3.9",), "no runtime for Python 3.9"), (1_000, (RUNNING,), "more than 1000")],
)
def test_layers_that_are_not_built(
    most: int, versions: tuple[str, ...], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime that Lambda does not have, a layer that has grown: told by name and size."""
    monkeypatch.setattr(layer_zip, "MOST_BYTES", most)

    with pytest.raises(build_layer.LayerError, match=why):
        layer_zip.build(tmp_path, versions)


def test_a_missing_interpreter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer without bytecode for a runtime is not released: the build fails and says which."""
    monkeypatch.setattr(build_layer, "find_interpreters", dict)

    with pytest.raises(build_layer.LayerError, match=rf"no Python {RUNNING} here"):
        layer_zip.build(tmp_path, (RUNNING,))


# -- papers ------------------------------------------------------------------


def test_bill_of_materials(zips: list[Path]) -> None:
    """SPDX: both packages with their versions, each file with its digest."""
    bill = layer_zip.bill_of_materials(zips, "2026-01-01T00:00:00Z")

    assert bill["spdxVersion"] == "SPDX-2.3"
    assert {one["name"] for one in bill["packages"]} == {"firehose-logging", "wrapt"}
    assert all(one["versionInfo"][0].isdigit() for one in bill["packages"])
    assert [one["checksums"][0]["checksumValue"] for one in bill["files"]] == [
        layer_zip.digest(path) for path in zips
    ]
    identifiers = {one["SPDXID"] for one in bill["packages"]} | {bill["SPDXID"]}
    for relation in bill["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= identifiers


def test_provenance(zips: list[Path]) -> None:
    """An in-toto statement: the files by digest, the commit, what the layer was built from."""
    statement = layer_zip.provenance(zips, "0c4de4b", "2026-01-01T00:00:00Z")
    definition = statement["predicate"]["buildDefinition"]

    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]} == {
        path.name: layer_zip.digest(path) for path in zips
    }
    assert definition["resolvedDependencies"][0]["digest"] == {"gitCommit": "0c4de4b"}
    assert json.loads(json.dumps(statement)) == statement


# -- publishing ------------------------------------------------------------------


def test_layers_are_published_in_each_region(zips: list[Path]) -> None:
    """One call a region and layer, by Lambda's own API model; the ARNs are kept."""
    folder = zips[0].parent
    asked: list[str] = []

    def client(region: str) -> Any:
        asked.append(region)
        functions = boto3.client(
            "lambda", region_name=region, aws_access_key_id="x", aws_secret_access_key="x"
        )
        stubber = Stubber(functions)
        for path in sorted(folder.glob("*.zip")):
            layer = "firehose-logging" + (
                f"-python{RUNNING.replace('.', '')}" if "-python" in path.name else ""
            )
            stubber.add_response(
                "publish_layer_version",
                {"LayerVersionArn": f"arn:aws:lambda:{region}:123456789012:layer:{layer}:1"},
                {
                    "LayerName": layer, "Description": path.stem, "LicenseInfo": "MIT-0",
                    "Content": {"ZipFile": path.read_bytes()}, "CompatibleRuntimes": ANY,
                    "CompatibleArchitectures": ["x86_64", "arm64"],
                },
            )  # fmt: skip
        stubber.activate()
        return functions

    arns = release.publish(folder, ["eu-central-1", "us-east-1"], client)

    assert asked == ["eu-central-1", "us-east-1"]
    assert len(arns) == 2 * len(zips)
    assert (folder / "layers.txt").read_text().split() == arns


def test_nothing_to_publish(tmp_path: Path) -> None:
    """An empty folder is told, with what to do."""
    with pytest.raises(release.ReleaseError, match="make release"):
        release.publish(tmp_path, ["eu-central-1"], lambda region: None)
