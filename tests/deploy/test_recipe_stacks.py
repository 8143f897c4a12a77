"""The stacks of docs/recipes: each page shows its own, and each function in them can send lines."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from firehose_logging._cli.__main__ import main as command_line
from support import cloudformation
from support.iam import ALLOWED, IMPLICIT_DENY, decide
from support.recipes import NAMES, RECIPES, TEMPLATES, blocks, installed, run_tool
from support.wiring import DEPLOY, LAYER, STREAM, assert_wired, exports, without_findings


@pytest.fixture(scope="module")
def imported() -> dict[str, object]:
    """What the stack made from policy.yaml exports, under the name that the recipes expect."""
    return exports("policy.yaml", "firehose-logging-policies")


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_template_is_sound(name: str, imported: dict[str, object]) -> None:
    """cfn-lint is silent; the function is wired as the parts in deploy/ say; its role is narrow."""
    path = RECIPES / name / "template.yaml"
    parameters = {"LayerArn": LAYER}
    if "SentryDsn" in cloudformation.load(path)["Parameters"]:
        parameters["SentryDsn"] = "https://key@sentry.example/1"

    without_findings(path)
    assert_wired(cloudformation.resolve(parameters, path)["Resources"], imported)


@pytest.mark.parametrize(
    "path",
    [
        *(RECIPES / name / "template.yaml" for name in TEMPLATES),
        *(DEPLOY / f"function{kind}.yaml" for kind in ("", "-plain", "-image")),
    ],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_doctor_finds_no_fault(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`firehose-logging doctor` looks at the same stacks, and has no error to tell."""
    assert command_line(["doctor", "--template", str(path)]) == 0
    assert " 0 errors" in capsys.readouterr().out


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_page_shows_its_template(name: str) -> None:
    """The YAML of a page stands in the template as it is."""
    (shown,) = blocks(name, "yaml")
    template = (RECIPES / name / "template.yaml").read_text()

    assert all(part in template for part in shown.split("      Tracing: Active\n"))


@pytest.mark.parametrize(
    ("name", "settings"), [("chalice", ".chalice/config.json"), ("zappa", "zappa_settings.json")]
)
def test_the_page_shows_its_settings(name: str, settings: str) -> None:
    """The JSON of a page is its tool's settings, as they are."""
    assert blocks(name, "json") == [(RECIPES / name / settings).read_text()]


def test_every_recipe_has_a_stack_or_settings() -> None:
    """A new recipe is one of those that are checked here."""
    assert {*TEMPLATES, "chalice", "zappa"} == set(NAMES)


@pytest.mark.e2e
@pytest.mark.timeout(240)  # a first installation
def test_what_chalice_makes(tmp_path: Path) -> None:
    """`chalice package` writes a template whose function is wired as the parts say."""
    project = tmp_path / "shop"
    (project / ".chalice").mkdir(parents=True)
    for path in (RECIPES / "chalice").rglob("*"):
        if path.is_file() and path.name != "requirements.txt":
            target = project / path.relative_to(RECIPES / "chalice")
            target.write_bytes(path.read_bytes())
    (project / "requirements.txt").touch()  # nothing to be fetched for the package
    words = ("package", "--stage", "dev", "--merge-template", "logging.json", "out")
    run_tool("chalice", project, "chalice.cli", *words)
    made = project / "out" / "sam.json"
    template = json.loads(made.read_text())
    template.setdefault("Parameters", {})
    made.write_text(json.dumps(template))

    assert assert_wired(cloudformation.resolve(template=made)["Resources"]) == ["APIHandler"]


@pytest.mark.e2e
@pytest.mark.timeout(240)  # a first installation
def test_what_zappa_gives_its_role() -> None:
    """Zappa's own policy has no Firehose in it; the recipe's permission is for this one stream."""
    policies = Path(installed("zappa")) / "zappa" / "policies" / "attach_policy.json"
    usual = json.loads(policies.read_text())
    stage = json.loads((RECIPES / "zappa" / "zappa_settings.json").read_text())["dev"]
    extra = {"Version": "2012-10-17", "Statement": stage["extra_permissions"]}

    assert decide([usual], "firehose:PutRecordBatch", STREAM) == IMPLICIT_DENY
    assert decide([usual, extra], "firehose:PutRecordBatch", STREAM) == ALLOWED
    assert decide([usual, extra], "firehose:PutRecordBatch", STREAM + "2") == IMPLICIT_DENY
    assert stage["layers"] == [LAYER]
    assert "environment_variables" not in stage  # those come too late for the wrapper


def test_the_calls_are_those_that_the_package_makes() -> None:
    """The one action that policies allow is the only one that the package knows."""
    package = RECIPES.parents[1] / "firehose_logging"
    text = "".join(path.read_text() for path in package.rglob("*.py") if "_cli" not in path.parts)

    assert textwrap.dedent(text).count("Firehose_20150804.PutRecordBatch")
    assert "Firehose_20150804." not in text.replace("Firehose_20150804.PutRecordBatch", "")
