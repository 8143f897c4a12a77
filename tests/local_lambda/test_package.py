"""The two distributions by themselves: installed elsewhere, their commands, the pytest fixtures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which both are installed, from copies of theirs alone."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("installed")
    copies = [
        shutil.copytree(
            ROOT / name,
            folder / "source" / name,
            ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"),
        )
        for name in ("local_lambda", "local_firehose")
    ]
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         # The build tool is here already: no package index is asked for it.
         "--no-build-isolation", "--no-index",
         "--no-deps", "--target", str(folder / "site"), *map(str, copies)],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return folder / "site"


def run(site: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that finds only what is installed there."""
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=55
    )


def test_the_commands(installed, tmp_path):
    """local-lambda and local-firehose explain themselves."""
    for name in ("local-lambda", "local-firehose"):
        answer = run(installed, tmp_path, sys.executable, str(installed / "bin" / name), "--help")

        assert answer.returncode == 0, answer.stderr
        assert "examples:" in answer.stdout
        assert name in answer.stdout.partition("\n")[0] or name == "local-firehose"


def test_the_example_of_the_readme(installed, tmp_path):
    """The test of an extension that the README shows passes, with nothing but the packages."""
    text = (ROOT / "local_lambda" / "README.md").read_text()
    example = text.partition("<!-- example: test_extension.py -->")[2].split("```")[1]
    (tmp_path / "test_extension.py").write_text(example.partition("\n")[2])
    function = tmp_path / "function"
    function.mkdir()
    (function / "app.py").write_text(
        "import os\n\nimport boto3\n\n\ndef handler(event, context):\n"
        "    boto3.client('firehose').put_record(\n"
        "        DeliveryStreamName='logs', Record={'Data': b'a line'}\n    )\n"
    )
    extension = tmp_path / "layer" / "extensions" / "mine"
    extension.parent.mkdir(parents=True)
    extension.write_text(
        f"#!{sys.executable} -SE\n"
        "import http.client, json, os\n\n"
        "api = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n\n\n"
        "def call(method, path, body=None, **headers):\n"
        "    names = {name.replace('_', '-'): value for name, value in headers.items()}\n"
        "    api.request(method, '/2020-01-01/extension/' + path, body, names)\n"
        "    answer = api.getresponse()\n"
        "    return answer.headers, json.loads(answer.read())\n\n\n"
        "headers, _ = call('POST', 'register', '{\"events\": [\"INVOKE\", \"SHUTDOWN\"]}',\n"
        "                  Lambda_Extension_Name='mine')\n"
        "me = headers['Lambda-Extension-Identifier']\n"
        "while True:\n"
        "    event = call('GET', 'event/next', Lambda_Extension_Identifier=me)[1]\n"
        "    print(event['eventType'], flush=True)\n"
        "    if event['eventType'] == 'SHUTDOWN':\n"
        "        break\n"
    )
    extension.chmod(0o755)

    answer = run(
        installed, tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 passed" in answer.stdout
