"""Every block of code in the docs is run, or read by what it is written for."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from firehose_logging._cli.__main__ import main as command_line
from local_firehose import DeliveryStream, LocalFirehose
from support import cloudformation
from support.pages import ROOT, Block, blocks, inline_commands
from support.recipes import NAMES
from support.stage import CHILD_DEADLINE, child_environment

#: Who runs the blocks of a page where this file does not.
ELSEWHERE = {
    "docs/start.md": "tests/docs/test_start.py, word by word",
    "docs/moving-from.md": "tests/docs/test_moving_from.py",
    "local_lambda/README.md:python:1": "tests/local_lambda/test_package.py",
    **{f"docs/recipes/{name}/README.md": "tests/docs/test_recipes.py" for name in NAMES},
    **{f"docs/containers.md:dockerfile:{n}": "tests/aws/test_containers.py" for n in (1, 2)},
}
#: Pictures, and what is no code.
TEXTS = ("docs/how-it-works.md", "docs/web-adapter.md")


def named(kind: str) -> list[Any]:
    """The blocks of a language that nobody else runs, as parameters."""
    return [
        pytest.param(block, id=block.name)
        for block in blocks(kind)
        if block.page not in ELSEWHERE and block.name not in ELSEWHERE
    ]


def test_every_block_has_a_language_and_somebody_who_runs_it() -> None:
    """A block of a language that no test knows fails here."""
    known = {"python", "sh", "yaml", "json", "sql"}

    for block in blocks():
        assert (
            block.language in known
            or (block.language == "text" and block.page in TEXTS)
            or block.page in ELSEWHERE
            or block.name in ELSEWHERE
        ), block.name


@pytest.mark.parametrize("where", sorted(set(ELSEWHERE.values())))
def test_those_who_run_the_rest_are_there(where: str) -> None:
    """The tests that this one relies on exist."""
    assert (ROOT / where.partition(",")[0]).is_file()


# -- Python ---------------------------------------------------------------------------

_SAY = "\nimport logging; logging.getLogger('shop').error('said by the test')\n"
_WEB = """
class Anything:
    wsgi_app = None
    def __call__(self, *_): return self
    def __getattr__(self, name): return self
app = get_asgi_application = get_wsgi_application = Anything()
"""
_STS = """
import boto3, os
class Sts:
    def assume_role(self, **_):
        return {"Credentials": {"AccessKeyId": os.environ["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": os.environ.get("AWS_SESSION_TOKEN")}}
client_of = boto3.client
boto3.client = lambda name, **more: Sts() if name == "sts" else client_of(name, **more)
WRITER_ROLE_ARN = "arn:aws:iam::123456789012:role/writer"
"""
_APP = "def handler(event, context): import time; time.sleep(event.get('sleep', 0)); return event\n"
#: What stands around a block, which is run in a process of its own: what the page takes for
#: granted before it, and behind it what shows that it did what it is for. True: a line arrives.
AROUND: dict[str, tuple[str, str, bool]] = {
    "README.md:python:1": ("", _SAY, True),
    "README.md:python:2": ("", _SAY, True),
    "deploy/README.md:python:1": (
        _STS, "import logging; logging.getLogger().addHandler(handler)" + _SAY, True,
    ),
    "docs/recipes/outside-lambda.md:python:1": ("", _SAY, True),
    "docs/recipes/outside-lambda.md:python:2": (
        "import logging; from firehose_logging import FirehoseHandler\n"
        "logging.getLogger().addHandler(FirehoseHandler())\n",
        _SAY + "async def serve():\n    async with lifespan(None): pass\n"
        "asyncio.run(serve())\nimport os; os._exit(0)\n",
        True,
    ),
    "docs/security.md:python:1": (
        "import firehose_logging\n",
        "assert redact({'logger': 'payments.debug'}) is None\n"
        "assert redact({'logger': 'a', 'authorization': 'x'}) == {'logger': 'a'}\n" + _SAY,
        True,
    ),
    "docs/web-adapter.md:python:1": (
        _WEB, "assert isinstance(application, WsgiMiddleware)\n", False,
    ),
    "local_firehose/README.md:python:1": ("", "assert fh.ledger.calls\n", False),
    "local_lambda/README.md:python:2": (
        "from pathlib import Path\nPath('my_function').mkdir()\n"
        f"Path('my_function/app.py').write_text({_APP!r})\n"
        "Path('build/layer').mkdir(parents=True)\n",
        "assert answer.payload == {'name': 'you'}\n",
        False,
    ),
    # It waits for a debugger.
    "local_lambda/README.md:python:3": (
        "import sys, types\nsys.modules['debugpy'] = module = types.ModuleType('debugpy')\n"
        "module.listen = module.wait_for_client = print\n",
        "",
        False,
    ),
}  # fmt: skip
STREAMS = ("my-delivery-stream", "my-stream", "central-logs")


@pytest.mark.e2e
@pytest.mark.parametrize("block", named("python"))
def test_python(block: Block, tmp_path: Path) -> None:
    """It runs as it stands, and does what it is for."""
    before, after, arrives = AROUND[block.name]
    streams = [DeliveryStream(name, tmp_path / name) for name in STREAMS]
    with LocalFirehose(streams) as firehose:
        environment = child_environment(
            **firehose.environment(),
            AWS_KINESIS_STREAM_NAME="my-stream",
            PYTHONPATH=str(ROOT),
            TMPDIR=str(tmp_path),
        )
        done = subprocess.run(
            [sys.executable, "-c", f"{before}\n{block.text}\n{after}"],
            cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=False, timeout=CHILD_DEADLINE,
        )  # fmt: skip
        firehose.flush()
        lines = [line["message"] for name in STREAMS for line in firehose.stream(name).lines()]

    assert done.returncode == 0, done.stderr
    assert ("said by the test" in lines) == arrives


# -- shell ---------------------------------------------------------------------------


class Parsed(BaseException):
    """A command line was understood; what it asks for is not done."""


def is_understood(main: Callable[[list[str]], Any], words: list[str]) -> bool:
    """Whether a program of ours takes these words."""
    import argparse

    parse = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *arguments: Any, **more: Any) -> None:
        parse(self, *arguments, **more)
        raise Parsed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        try:
            main(words)
        except Parsed:
            return True
        except SystemExit:
            return False
    return words in (["--version"], ["--help"])


def _ours(module: str) -> Callable[[list[str]], Any]:
    return importlib.import_module(module).main  # type: ignore[no-any-return]


def _make(words: list[str]) -> bool:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    wanted = [word for word in words if "=" not in word and not word.startswith(("-", ".venv/"))]
    return set(wanted) <= targets | {"build/rie"}


#: Bytes of a template that CloudFormation takes without a bucket (its quotas: template body).
INLINE = 51_200


def _aws(words: list[str]) -> bool:
    """Commands of the AWS CLI: against the API's own model, templates against themselves."""
    import boto3

    service, operation, *rest = words
    options = [word.removeprefix("--") for word in rest if word.startswith("--")]
    if (service, operation) == ("cloudformation", "deploy"):
        path = ROOT / rest[rest.index("--template-file") + 1]
        template, template_text = cloudformation.load(path), path.read_text()
        given = set()
        if "--parameter-overrides" in rest:
            given = {
                word.partition("=")[0] for word in rest[rest.index("--parameter-overrides") + 1 :]
            }
        needed = {name for name, one in template["Parameters"].items() if "Default" not in one}
        has_iam = any(
            one["Type"].startswith("AWS::IAM::") for one in template["Resources"].values()
        )
        return (
            needed <= given <= set(template["Parameters"])
            and has_iam <= ("--capabilities" in rest)
            and set(options)
            <= {"template-file", "stack-name", "parameter-overrides", "capabilities", "s3-bucket"}
            and (len(template_text) < INLINE or "s3-bucket" in options)
        )
    model = boto3.client(service, region_name="us-east-1").meta.service_model
    shape = model.operation_model(
        next(name for name in model.operation_names if _dashed(name) == operation)
    ).input_shape
    return {_dashed(name) for name in shape.members} >= set(options)


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def _pip(words: list[str]) -> bool:
    named_here = {"firehose-logging", "firehose-logging[cli]"}
    for word in words[1:]:
        if word.startswith("./") and not (ROOT / word).is_dir():
            return False
        if word.endswith(".txt") and not (ROOT / word).is_file():
            return False
        if word[0] not in "-./" and "/" not in word and word not in named_here | {"install"}:
            return False
    return words[0] == "install"


#: What commands may begin with, and who says whether the rest is right.
PROGRAMS: dict[str, Callable[[list[str]], bool]] = {
    "make": _make,
    "aws": _aws,
    "pip": _pip,
    "firehose-logging": lambda words: is_understood(command_line, words),
    "firehose_logging._cli": lambda words: is_understood(command_line, words),
    "local-lambda": lambda words: is_understood(_ours("local_lambda.__main__"), words),
    "local_lambda": lambda words: is_understood(_ours("local_lambda.__main__"), words),
    "local-firehose": lambda words: is_understood(_ours("local_firehose.__main__"), words),
    # Not ours, and not here: read by whoever writes the page.
    "docker": lambda words: words[0] == "run",
    "uv": lambda words: words[:2] == ["pip", "compile"],
    "uvicorn": bool,
    **dict.fromkeys(("cd", "cp", "mkdir", "curl", "export"), bool),
}


def assert_a_command(line: str) -> None:
    """A command's program is known, and takes what it is given."""
    words = shlex.split(line, comments=True)
    while words and (
        words[0] in ("exec", "/opt/firehose_wrapper") or "=" in words[0].split("[")[0]
    ):
        words = words[1:]
    if words and Path(words[0]).name.startswith("python") and words[1] == "-m":
        words = words[2:]
    if words:
        assert words[0] in PROGRAMS, f"nobody knows {words[0]}: {line}"
        assert PROGRAMS[words[0]](words[1:]), line


@pytest.mark.parametrize("block", named("sh"))
def test_shell(block: Block) -> None:
    """The shell can read it; each command exists and takes its options and arguments."""
    done = subprocess.run(
        ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    for line in block.text.replace("\\\n", " ").splitlines():
        assert_a_command(line)


@pytest.mark.parametrize("page", sorted({page for page, _ in inline_commands()}))
def test_commands_in_sentences(page: str) -> None:
    """So do the commands that stand in a sentence, what is left open aside."""
    for where, command in inline_commands():
        if where == page and "..." not in command:
            assert_a_command(_completed(command))


def _completed(command: str) -> str:
    """A sentence need not say where the lines are, or which function is meant."""
    program, _, rest = command.partition(" ")
    if program != "firehose-logging" or rest.startswith("-"):
        return command
    if rest.startswith("doctor"):
        return command if "--" in rest else f"{command} --function NAME"
    return command if "--from" in rest else f"{command} --from SOURCE"


# -- YAML, JSON, SQL ---------------------------------------------------------------------------


@pytest.mark.parametrize("block", named("yaml"))
def test_yaml(block: Block) -> None:
    """A function's properties: CloudFormation's schema takes them in a function of SAM."""
    from cfnlint.api import lint_all

    given = yaml.safe_load(block.text)
    function = {"Runtime": "python3.13", "Handler": "app.handler", "CodeUri": "./src", **given}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Function": {"Type": "AWS::Serverless::Function", "Properties": function}},
    }
    text = yaml.safe_dump(template).replace("REGION:ACCOUNT", "eu-central-1:123456789012")

    found = [match for match in lint_all(text) if not match.rule.id.startswith("I")]
    assert found == []


@pytest.mark.parametrize("block", named("json"))
def test_json(block: Block) -> None:
    """A line as the page shows it: JSON, with columns that docs/schema.md explains."""
    schema = (ROOT / "docs" / "schema.md").read_text()
    line = json.loads(block.text)

    assert set(line) - {"left"} <= set(re.findall(r"`(\w+)`", schema))  # left is the user's


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of each kind that the docs ask for."""
    folder = tmp_path_factory.mktemp("bucket")
    common = {
        "timestamp": "2026-11-28T12:00:00.000000Z", "level": "INFO", "requestId": "r-1",
        "functionName": "shop", "functionVersion": "7", "instanceId": "i-1", "coldStart": False,
    }  # fmt: skip
    arn = re.search(r"'(arn:aws:lambda.*?)'", (ROOT / "docs/durable-functions.md").read_text())
    assert arn
    shop = {"type": "function", "logger": "shop"}
    lines: list[dict[str, Any]] = [
        {**shop, "message": "one", "customer": "c", "executionArn": arn[1]},
        {**shop, "message": "said by us", "logger": "firehose_logging", "level": "ERROR"},
        {"type": "platform.report", "record": {"metrics": {"maxMemoryUsedMB": 61}}},
        {**shop, "message": "after a gap"},
    ]
    texts = [
        json.dumps(common | line | {"seq": number})
        for number, line in zip((1, 2, 3, 5), lines, strict=True)
    ]
    (folder / "object").write_text("\n".join([*texts, texts[0]]) + "\n")
    return folder


@pytest.mark.parametrize("block", named("sql"))
def test_sql(block: Block, bucket: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each statement runs over lines, and finds what is there to be found."""
    for statement in filter(None, (part.strip() for part in block.text.split(";"))):
        status = command_line(["query", statement, "--from", str(bucket), "--format", "json"])
        out, err = capsys.readouterr()

        assert status == 0, f"{statement}\n{err}"
        assert out.strip(), statement
