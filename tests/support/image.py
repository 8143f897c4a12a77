"""A container image without a container: a Dockerfile's entry point over the folders it names.

AWS's emulator starts the entry point in a mount namespace of its own, in which /opt, /var/task and
/tmp are what they are in the image. That takes Linux and root, as for Managed Instances.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support.rie_managed import _lay_out_runtime, keep_in_sight
from tools import rie

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "containers.md"

_MOUNT = """
set -e
mount -t tmpfs -o mode=755 none /var
mkdir {mounted}
{mounts}
mount --bind {opt} /opt
{sight}mount --rbind {tmp} /tmp
cd {workdir}
exec "$@"
"""
#: What the entry point of AWS's base image does (aws-lambda-base-images, lambda-entrypoint.sh).
_AWS_ENTRYPOINT = """#!/bin/sh
export _HANDLER="$1"
exec /var/rie/aws-lambda-rie {flags} /var/runtime/bootstrap
"""


class Recipe(NamedTuple):
    """The last stage of a Dockerfile."""

    base: str
    #: The command that builds the layer, in the first stage.
    build: list[str]
    #: Where the layer and the function are copied to.
    layer: str
    task: str
    workdir: str
    entrypoint: list[str]
    command: list[str]
    environment: dict[str, str]


def recipes() -> dict[str, Recipe]:
    """The Dockerfiles of docs/containers.md, by their base image."""
    found = {}
    for text in re.findall(r"```dockerfile\n(.*?)```", DOCUMENT.read_text(), re.DOTALL):
        first, last = re.split(r"(?m)^FROM ", text)[1:]
        base, _, rest = last.partition("\n")
        recipe = Recipe(
            base=base,
            build=shlex.split(_one(first, "RUN")),
            layer=_one(rest, r"COPY --from=layer /layer/"),
            task=_one(rest, r"COPY app.py"),
            workdir=_one(rest, "WORKDIR", "/var/task"),
            entrypoint=json.loads(_one(rest, "ENTRYPOINT", "[]")),
            command=json.loads(_one(rest, "CMD")),
            environment=dict(re.findall(r"(?m)^ENV (\w+)=(.*)$", rest)),
        )
        found[base.rpartition(":")[0]] = recipe
    return found


def _one(text: str, instruction: str, default: str | None = None) -> str:
    values = re.findall(rf"(?m)^{instruction} (.*)$", text)
    if not values and default is not None:
        return default
    (value,) = values
    return str(value)


class Container(rie.Rie):
    """One environment of an image, on AWS's emulator.

    ``python`` is an interpreter, ``client`` a folder with what the image's ``pip install`` would
    install. ``layer`` and ``function`` are the folders that are copied into the image.
    """

    def __init__(
        self,
        recipe: Recipe,
        scratch: Path,
        *,
        layer: Path,
        function: Path,
        python: Path,
        client: Path,
        environment: dict[str, str],
    ) -> None:
        assert (recipe.layer, recipe.task) == ("/opt/", "/var/task/")
        values = {**environment, **recipe.environment}
        super().__init__(function, recipe.command[0], scratch, environment=values)
        self.environment["TMPDIR"] = "/tmp"
        self.environment["LAMBDA_TASK_ROOT"] = "/var/task"
        flags = self.command[1 : self.command.index(sys.executable)]
        tmp = scratch / "tmp"
        tmp.mkdir()
        mounts = {"/var/task": function, "/var/rie": rie.BINARY.parent}
        if recipe.entrypoint:
            # An interpreter of the image's own: a virtual environment that may lie anywhere.
            venv = scratch / "venv"
            _virtual_environment(venv, python, client)
            mounts |= {"/var/venv": venv, "/var/client": client}
            self.environment["PATH"] = f"/var/venv/bin:{self.environment['PATH']}"
            command = ["/var/rie/aws-lambda-rie", *flags, *recipe.entrypoint, *recipe.command]
        else:
            runtime = scratch / "runtime"
            _lay_out_runtime(runtime, python, client)
            script = runtime / "lambda-entrypoint.sh"
            script.write_text(_AWS_ENTRYPOINT.format(flags=shlex.join(flags)))
            script.chmod(0o755)
            lang = Path(python).resolve().parent.parent
            mounts |= {"/var/runtime": runtime, "/var/lang": lang, "/var/client": client}
            command = ["/var/runtime/lambda-entrypoint.sh", *recipe.command]
        script_text = _MOUNT.format(
            mounted=" ".join(mounts),
            mounts="\n".join(
                f"mount --bind {shlex.quote(str(path))} {place}" for place, path in mounts.items()
            ),
            opt=shlex.quote(str(layer)),
            tmp=shlex.quote(str(tmp)),
            sight=keep_in_sight(python, tmp),
            workdir=recipe.workdir,
        )
        self.command = ["unshare", "--mount", "sh", "-c", script_text, "image", *command]


def _virtual_environment(folder: Path, python: Path, client: Path) -> None:
    command = [Path(python).resolve(), "-m", "venv", "--without-pip", folder]
    subprocess.run(command, check=True, timeout=60)
    (packages,) = folder.glob("lib/python3.*/site-packages")
    for package in client.iterdir():
        (packages / package.name).symlink_to(f"/var/client/{package.name}")
