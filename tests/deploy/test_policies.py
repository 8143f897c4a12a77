"""checkov over everything that deploys: what it finds is mended, or left for a written reason."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support import cloudformation, versions
from support.e2e_lambda import ROOT

CONFIGURATION = ROOT / ".checkov.yaml"
CHECKOV = ROOT / ".venv-policies" / "bin" / "checkov"


def checkov(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run checkov with this repository's configuration in a folder."""
    if not CHECKOV.exists() and not versions.WHOLE:
        pytest.skip("checkov is not installed: `make policies` does it")
    return subprocess.run(
        [str(CHECKOV), "--config-file", str(CONFIGURATION), *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


def test_every_finding_that_stays_has_its_reason() -> None:
    """Each check that is left out is named once, with why on its line."""
    text = CONFIGURATION.read_text()
    skipped = yaml.safe_load(text)["skip-check"]

    assert len(skipped) == len(set(skipped))
    for check in skipped:
        assert re.search(rf"(?m)^  - {check} # .{{30,}}$", text), check


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_nothing_else_is_found() -> None:
    """Templates, parts, recipes and modules of this repository pass."""
    done = checkov(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr
    for framework in ("cloudformation", "terraform", "serverless"):
        assert f"{framework} scan results" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_an_open_bucket_is_found(tmp_path: Path) -> None:
    """The same configuration fails a stack whose bucket anybody may read."""
    shutil.copy(ROOT / "deploy" / "stream.yaml", tmp_path)
    template = tmp_path / "stream.yaml"
    text = template.read_text()
    template.write_text(text.replace("BlockPublicAcls: true", "BlockPublicAcls: false"))
    assert template.read_text() != text

    assert "CKV_AWS_53" in checkov(tmp_path).stdout


#: What is off by default, on: checkov leaves out what the parameters' defaults do not make.
ON: dict[str, dict[str, object]] = {
    "template.yaml": {
        "TableMetrics": "true",
        "Dashboard": "true",
        "DenyCloudWatchLogs": "safety-net",
    },
    "deploy/table.yaml": {"TableMetrics": "true"},
    "deploy/alarms.yaml": {"Dashboard": "true", "Functions": "*"},
    "deploy/layer.yaml": {"OrganizationId": "o-abcdefghij"},
    "deploy/stream.yaml": {
        "WriterAccount": "210987654321",
        "VpcId": "vpc-1",
        "ExpireAfterDays": 400,
        "ColderAfterDays": 30,
    },
}


@pytest.mark.slow
@pytest.mark.timeout(450)
def test_nothing_is_found_where_all_is_on(tmp_path: Path) -> None:
    """With every option that makes something, the same templates pass more checks, and all."""
    passed = {}
    for label in ("usual", "on"):
        folder = tmp_path / label
        folder.mkdir()
        for name, values in ON.items():
            template = cloudformation.load(ROOT / name)
            for parameter, value in values.items() if label == "on" else ():
                template["Parameters"][parameter]["Default"] = value
            (folder / f"{Path(name).stem}.json").write_text(json.dumps(template))
        done = checkov(folder, "--output", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        summary = json.loads(done.stdout)["summary"]
        assert (summary["failed"], summary["parsing_errors"]) == (0, 0)
        passed[label] = summary["passed"]

    assert passed["on"] > passed["usual"]
