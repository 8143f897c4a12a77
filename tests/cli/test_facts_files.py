"""A function's facts out of files: variables, a template."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firehose_logging._cli.facts_files import Template
from support.function_facts import SOUND

ROOT = Path(__file__).resolve().parents[2]


def test_env_file(tmp_path, command):
    """Quotes, comments and exports; a line of its own for each finding; the exit status."""
    file = tmp_path / "prod.env"
    file.write_text("# prod\nexport AWS_KINESIS_STREAM_NAME='logs'\nFIREHOSE_LOGGING_FLUHS=end\n\n")
    ran = command("doctor", "--env-file", file)

    assert ran.status == 1
    assert "FIREHOSE_LOGGING_FLUSH" in ran.out.splitlines()[0]
    found = [
        json.loads(line)
        for line in command("doctor", "--env-file", file, "--json").out.splitlines()
    ]
    assert [each["level"] for each in found] == ["error", "warning"]
    file.write_text("\n".join(f"{name}={value}" for name, value in SOUND.items()))
    assert command("doctor", "--env-file", file).status == 0
    file.write_text("nonsense")
    assert "prod.env:1" in command("doctor", "--env-file", file).err


def test_the_projects_own_template_is_sound(command):
    """With its defaults."""
    ran = command("doctor", "--template", ROOT / "template.yaml")

    assert (ran.status, ran.err) == (0, "")
    assert "1 function looked at: 0 errors, 0 warnings" in ran.out


@pytest.mark.parametrize(
    "template",
    [
        *(ROOT / "deploy" / f"function{kind}.yaml" for kind in ("", "-plain", "-image")),
        *sorted((ROOT / "docs/recipes").glob("*/template.yaml")),
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_what_the_docs_recommend_is_sound(command, template):
    """The parts and the recipes as they stand: no error, and of warnings a neighbour's alone."""
    ran = command("doctor", "--template", template, "--json")
    found = [json.loads(line) for line in ran.out.splitlines()]

    assert (ran.status, ran.err) == (0, "")
    warned = [each["what"] for each in found if each["level"] == "warning"]
    assert all(what.endswith("is beside it") for what in warned), warned


def test_a_template_without_a_function(command):
    """That is said, and what it has instead is nobody's concern."""
    ran = command("doctor", "--template", ROOT / "deploy/stream.yaml")

    assert ran.status == 2
    assert ran.err.endswith("stream.yaml: no function in it\n")


def test_a_function_that_is_not_made_is_not_looked_at(tmp_path, command):
    """A condition that the defaults do not fulfil keeps it out, unless it is asked for by name."""
    template = ROOT / "template.yaml"
    ran = command("doctor", "--template", template, "--function", "TableMetricsFunction")

    assert "no delivery stream" in ran.out
    assert ran.status == 1


def test_template(tmp_path, command):
    """Globals, references, a role and a stream of the same template."""
    text = (ROOT / "template.yaml").read_text()
    wrong = text.replace("firehose:PutRecordBatch", "firehose:PutRecord").replace(
        "AWS_LAMBDA_EXEC_WRAPPER: /opt/firehose_wrapper",
        "AWS_LAMBDA_EXEC_WRAPPER: /opt/firehose_wrapper\n"
        "          FIREHOSE_LOGGING_COMPRESSION: gzip",
    )
    (tmp_path / "t.yaml").write_text(wrong)
    out = command("doctor", "--template", tmp_path / "t.yaml").out

    assert "firehose:PutRecordBatch is not allowed" in out
    assert "compressed twice" in out
    assert "no function Other; it has SampleFunction" in command(
        "doctor", "--template", tmp_path / "t.yaml", "--function", "Other"
    ).err  # fmt: skip


def test_a_managed_policy_from_elsewhere(command):
    """What it allows is not in the template: a note, no error."""
    ran = command("doctor", "--template", ROOT / "deploy" / "function.yaml")

    assert ran.status == 0
    assert "depends on" in ran.out


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("IsProd", True),
        ("Unknown", False),
        ({"Fn::Not": ["IsProd"]}, False),
        ({"Fn::Not": [{"Condition": "IsProd"}]}, False),
        ({"Fn::And": ["IsProd", {"Fn::Not": ["IsTest"]}]}, True),
        ({"Fn::And": ["IsProd", "IsTest"]}, False),
        ({"Fn::Or": ["IsTest", "IsProd"]}, True),
        ({"Fn::Or": ["IsTest", "IsTest"]}, False),
        ({"Fn::Equals": ["a", "b"]}, False),
        ({"Fn::Unheard": ["a"]}, False),
        (7, False),
    ],
)
def test_conditions(rule, holds):
    """They hold with the parameters' defaults, however they are put together."""
    stage = {"Ref": "Stage"}
    body = {
        "Parameters": {"Stage": {"Type": "String", "Default": "prod"}},
        "Conditions": {
            "IsProd": {"Fn::Equals": [stage, "prod"]},
            "IsTest": {"Fn::Equals": [stage, "test"]},
        },
        "Resources": {},
    }

    assert Template(body, "t.yaml").holds(rule) is holds


@pytest.mark.parametrize(
    ("text", "why"),
    [(b"a: [", "no YAML"), (b"- 1\n", "it has no Resources"), (b"\xff\xfe", "codec")],
)
def test_what_is_no_template_is_told(tmp_path, command, text, why):
    """By its name and what is wrong with it, without a traceback."""
    file = tmp_path / "t.yaml"
    file.write_bytes(text)
    ran = command("doctor", "--template", file)

    assert ran.status == 2
    assert f"{file}: " in ran.err
    assert why in ran.err
    assert "Traceback" not in ran.err


def test_a_template_that_is_not_there_is_told(tmp_path, command):
    """With the system's own words."""
    ran = command("doctor", "--template", tmp_path / "none.yaml")

    assert ran.status == 2
    assert "No such file" in ran.err
