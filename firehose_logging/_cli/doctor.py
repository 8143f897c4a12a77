"""``firehose-logging doctor``: what is wrong with a function, and how to mend it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import arguments as _arguments
from firehose_logging._cli import checks, facts_files, render
from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.facts import Facts, Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = """\
  firehose-logging doctor --env-file prod.env
  firehose-logging doctor --template template.yaml
  firehose-logging doctor --function shop --region eu-central-1 --load 800000 --json

One line a finding: what, where, remedy. exit status: 0 nothing wrong (warnings may stand),
1 errors, 2 wrong input. With --function it reads lambda:GetFunctionConfiguration,
lambda:GetLayerVersion, iam:Get* and iam:List* of the role, firehose:DescribeDeliveryStream and
ec2:DescribeVpcEndpoints; what it may not read is a note.
"""
STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def main(argv: list[str]) -> int:
    """Run the command."""
    parser = _arguments.parser("doctor", "Check a function's configuration.", EXAMPLE)
    parser.add_argument("--env-file", type=Path, metavar="FILE", help="lines of NAME=VALUE")
    parser.add_argument("--template", type=Path, metavar="FILE", help="CloudFormation or SAM")
    parser.add_argument(
        "--function",
        action="append",
        default=[],
        metavar="NAME",
        help="a deployed function, by AWS's API; with --template its logical id; may repeat",
    )
    parser.add_argument("--region", help="of the function (default: as the AWS tools take it)")
    parser.add_argument("--profile", help="of the AWS configuration")
    parser.add_argument(
        "--load", type=float, metavar="BYTES", help="bytes of lines a second that are expected"
    )
    parser.add_argument(
        "--layer",
        type=Path,
        metavar="FOLDER",
        help="the built layer: is this Python's bytecode in it",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a finding")
    given = parser.parse_args(argv)
    functions = _facts(given)
    found: list[Finding] = []
    for each in functions:
        found += checks.examine(each, given.load)
        if given.layer is not None:
            found += _bytecode(each, given.layer)
    _show(found, functions, given.json)
    return 1 if any(each.level == "error" for each in found) else 0


def _facts(given: argparse.Namespace) -> list[Facts]:
    if given.env_file and given.template:
        raise CommandError("give --env-file or --template, one of the two")
    if given.env_file:
        found = [facts_files.from_env_file(given.env_file)]
    elif given.template:
        found = facts_files.from_template(given.template, given.function)
    elif given.function:
        from firehose_logging._cli import facts_aws

        clients = _clients(given)
        return [facts_aws.from_function(name, clients) for name in given.function]
    else:
        raise CommandError("give --env-file FILE, --template FILE or --function NAME")
    if given.region:
        found = [replace(each, region=given.region) for each in found]
    return found


def _clients(given: argparse.Namespace) -> Any:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.Session(profile_name=given.profile, region_name=given.region)
    except BotoCoreError as error:
        raise CommandError(str(error)) from error
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service)
        return made[service]

    return client


def _bytecode(facts: Facts, layer: Path) -> list[Finding]:
    """Whether a built layer has bytecode of the function's Python."""
    found = checks.RUNTIME.fullmatch(facts.runtime or "")
    if not found:
        return []
    package = layer / "python" / "firehose_logging"
    if not package.is_dir():
        raise CommandError(f"--layer {layer}: no layer: make layer builds one in build/layer")
    tag = f"cpython-3{found.group(1)}"
    if any(package.glob(f"__pycache__/*.{tag}.pyc")):
        return []
    remedy = f"build it where {facts.runtime} is on the PATH"
    what = f"no bytecode for {facts.runtime}: each cold start compiles the package"
    return [Finding("warning", what, str(layer), remedy)]


def _show(found: Sequence[Finding], functions: Sequence[Facts], as_json: bool) -> None:
    if as_json:
        for each in found:
            sys.stdout.write(json.dumps(asdict(each)) + "\n")
        return
    from rich.text import Text

    console = render.console(wide=True)
    for each in found:
        text = Text(f"{each.level:<8}", STYLES[each.level])
        text.append(f" {each.what}", "default")
        text.append(f" · {each.where} · ", "dim")
        text.append(each.remedy)
        console.print(text, soft_wrap=True)
    wrong = sum(each.level == "error" for each in found)
    warned = sum(each.level == "warning" for each in found)
    what = f"{_count(len(functions), 'function')} looked at"
    sums = f"{_count(wrong, 'error')}, {_count(warned, 'warning')}"
    console.print(f"{what}: {sums}", soft_wrap=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
