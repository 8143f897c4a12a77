"""The command that looks at a function: its input, and what it prints."""

from __future__ import annotations

import json
import sys

import pytest

from firehose_logging._cli import facts_aws
from firehose_logging._cli.facts import Facts
from support.function_facts import SOUND


def test_input_is_needed(command):
    """One of three."""
    assert command("doctor").status == 2


@pytest.fixture
def env_file(tmp_path):
    """A sound function's variables."""
    path = tmp_path / "prod.env"
    path.write_text("\n".join(f"{name}={value}" for name, value in SOUND.items()))
    return path


def test_one_input_at_a_time(env_file, command):
    """Two files are one too many."""
    ran = command("doctor", "--env-file", env_file, "--template", env_file)

    assert ran.status == 2
    assert "one of the two" in ran.err


def test_a_region_by_hand(env_file, command):
    """Where no file tells the region it can be given: the quota is the region's."""
    ask = ("doctor", "--env-file", env_file, "--load", "2000000", "--json", "--region")
    found = {
        region: [json.loads(line)["level"] for line in command(*ask, region).out.splitlines()]
        for region in ("us-east-1", "eu-central-1")
    }

    assert "error" not in found["us-east-1"]
    assert "error" in found["eu-central-1"]


@pytest.fixture
def layer(tmp_path):
    """Makes a built layer with this Python's bytecode, or without; and a template that uses it."""
    folder = tmp_path / "layer"
    package = folder / "python" / "firehose_logging" / "__pycache__"

    def make(*, with_bytecode: bool):
        package.mkdir(parents=True)
        tag = f"cpython-3{sys.version_info[1]}"
        name = f"bundle.{tag}" if with_bytecode else "bundle.cpython-37"
        (package / name).touch()
        (package / f"handler.{'' if with_bytecode else 'not-'}{tag}.pyc").touch()
        return folder

    return make


TEMPLATE = """
Resources:
  Shop:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.{minor}
      Environment: {{Variables: {{AWS_KINESIS_STREAM_NAME: logs}}}}
"""


@pytest.mark.parametrize("with_bytecode", [True, False])
def test_bytecode_of_a_layer(tmp_path, command, layer, with_bytecode):
    """A layer built without this Python's bytecode costs each cold start: that is told."""
    template = tmp_path / "t.yaml"
    template.write_text(TEMPLATE.format(minor=sys.version_info[1]))
    out = command(
        "doctor", "--template", template, "--layer", layer(with_bytecode=with_bytecode)
    ).out

    assert ("no bytecode for" in out) is not with_bytecode


def test_a_layer_that_is_none(tmp_path, command):
    """A folder that holds no layer is wrong input."""
    template = tmp_path / "t.yaml"
    template.write_text(TEMPLATE.format(minor=13))
    ran = command("doctor", "--template", template, "--layer", tmp_path)

    assert ran.status == 2
    assert "no layer: make layer" in ran.err


def test_a_deployed_function_is_asked_for(command, monkeypatch):
    """With a name AWS's API is asked, by one client a service."""
    made = []

    class Session:
        def __init__(self, profile_name, region_name):
            made.append((profile_name, region_name))

        def client(self, service):
            made.append(service)
            return service

    def facts(name, clients):
        assert clients("lambda") == clients("lambda") == "lambda"
        return Facts(name, SOUND)

    monkeypatch.setattr("boto3.Session", Session)
    monkeypatch.setattr(facts_aws, "from_function", facts)
    ran = command("doctor", "--function", "shop", "--region", "eu-west-1", "--profile", "p")

    assert ran.status == 0
    assert made == [("p", "eu-west-1"), "lambda"]
    assert "1 function looked at" in ran.out


def test_a_profile_that_is_not_there(command):
    """Boto's own sentence, as wrong input."""
    ran = command("doctor", "--function", "shop", "--profile", "nobodys")

    assert ran.status == 2
    assert "nobodys" in ran.err
